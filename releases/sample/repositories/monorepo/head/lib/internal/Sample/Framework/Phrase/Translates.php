<?php

declare(strict_types=1);

namespace Sample\Framework\Phrase;

use Sample\Framework\Component\{ComponentRegistrar as Components, ComponentType as Type};

use function array_key_exists;
use function sprintf;

use const DIRECTORY_SEPARATOR;

/**
 * Translates with the installed language packages.
 */
trait Translates
{
    /** @var array<string, array<string, string>> */
    private array $dictionaries = [];

    private function translate(string $language, string $phrase, string ...$values): string
    {
        $this->dictionaries[$language] ??= $this->dictionary($language);
        $known = array_key_exists($phrase, $this->dictionaries[$language]);

        return sprintf($known ? $this->dictionaries[$language][$phrase] : $phrase, ...$values);
    }

    /**
     * @return array<string, string> translation by phrase
     */
    private function dictionary(string $language): array
    {
        $path = Components::path(Type::Language, 'sample_' . strtolower($language));
        if ($path === null) {
            return [];
        }
        $phrases = [];
        foreach (file($path . DIRECTORY_SEPARATOR . $language . '.csv', FILE_IGNORE_NEW_LINES) ?: [] as $line) {
            [$phrase, $translation] = str_getcsv($line, ',', '"', '\\') + [1 => ''];
            $phrases[$phrase] = $translation;
        }

        return $phrases;
    }
}
