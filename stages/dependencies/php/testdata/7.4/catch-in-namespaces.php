<?php
namespace A { use Vendor\Failure as F; try {} catch (F | Exception $e) {} }
namespace B { try {} catch (F | \Exception $e) {} }
namespace { try {} catch (F | \Exception | A\F $e) {} finally { A\done(); } }
