<?php
namespace Shop;
use Uri\{Rfc3986\Uri, WhatWg\Url as Web};
$host = Uri::parse($x) |> (fn(?Uri $u): ?string => $u?->getHost()) |> strtolower(...);
#[\NoDiscard(because: Reasons::PURE)]
function with(Web $w): Web { return clone($w, ['path' => Paths::HOME, 'query' => new Query(LIMIT)]); }
(void) with(new Web('x'));
