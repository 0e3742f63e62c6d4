<?php
declare(strict_types=1);
namespace Shop;
declare(ticks=10) { tick(Ticker::NOW); }
do { if ($a) continue; else break 1; } while (!Done::is());
foreach ($list as [$a, 'k' => $b, [Key::C => $c]]) { list(, $d, Key::D => $e) = f(); }
isset(Sub::$a[KEY], $b->c) and empty(Other::$d) xor print Text::HELLO;
global $x; static $y = Start::VALUE, $z; unset($q[INDEX]); exit(Code::FAIL); die;
include Path::HERE . '/x.php'; require_once __DIR__ . SUFFIX; eval(Code::X); echo `ls {$d->e(Arg::F)}`;
