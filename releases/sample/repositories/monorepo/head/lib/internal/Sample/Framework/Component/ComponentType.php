<?php

declare(strict_types=1);

namespace Sample\Framework\Component;

enum ComponentType: string
{
    case Module = 'module';
    case Library = 'library';
    case Theme = 'theme';
    case Language = 'language';

    public function plural(): string
    {
        return match ($this) {
            self::Library => 'libraries',
            default => $this->value . 's',
        };
    }
}
