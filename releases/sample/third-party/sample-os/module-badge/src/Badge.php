<?php
declare(strict_types=1);

namespace SampleOs\Badge;

class Badge
{
    public function text(): string
    {
        return 'Sample OS';
    }
}
