<?php

declare(strict_types=1);

namespace Sample\Framework\ObjectManager;

use Sample\Framework\Exception\NotFound;

/**
 * Reads the preferences of di.xml files. Their form is fixed, so that no XML extension is needed.
 */
final class Preferences
{
    private const PREFERENCE = '/<preference\s+for="(?<for>[^"]+)"\s+type="(?<type>[^"]+)"/';

    /**
     * @return array<string, string> class by interface
     */
    public function read(string ...$files): array
    {
        $found = [];
        foreach ($files as $file) {
            $text = is_file($file) ? file_get_contents($file) : throw NotFound::named($file);
            preg_match_all(self::PREFERENCE, $text, $matches, PREG_SET_ORDER);
            $found += array_column($matches, 'type', 'for');
        }

        return $found;
    }
}
