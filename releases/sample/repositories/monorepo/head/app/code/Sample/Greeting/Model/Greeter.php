<?php

declare(strict_types=1);

namespace Sample\Greeting\Model;

use Acme\Text\Sentence;
use Sample\Framework\Phrase\Translates;
use Sample\Store\Api\StoreInterface as Store;

class Greeter
{
    use Translates;

    public function __construct(private Store $store)
    {
    }

    public function greet(string $module = 'Sample_Greeting', ?string $language = null): string
    {
        $text = $this->translate($language ?? $this->store->language(), 'hello from %s', $module);

        return Sentence::capitalised($text);
    }
}
