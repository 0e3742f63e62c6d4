<?php

declare(strict_types=1);

namespace Acme\Terminal;

/**
 * Writes lines to a stream.
 */
final class Screen
{
    /**
     * @param resource $stream
     */
    public function __construct(private $stream)
    {
    }

    public function line(string ...$parts): void
    {
        fwrite($this->stream, implode('', $parts) . PHP_EOL);
    }
}
