<?php

declare(strict_types=1);

\Sample\Framework\Component\ComponentRegistrar::register(
    \Sample\Framework\Component\ComponentType::Language,
    'sample_de_de',
    __DIR__,
);
