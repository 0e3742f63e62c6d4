<?php
namespace Läden\Größe;
use Händler\Ware as Gut;
class Küche extends Gut implements \Schnittstelle\Ü { const MAß = Gut::LÄNGE; function ä(Öl $ö): Ü { return größe(ÄÖÜ); } }
