<?php
namespace Tiny\Greeting;

class Page
{
    public static function text(): string
    {
        return 'Hello from Tiny_Greeting';
    }
}
