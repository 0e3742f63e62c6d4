<?php

declare(strict_types=1);

namespace Sample\Framework\View;

use Closure;
use Sample\Framework\Component\ComponentRegistrar;
use Sample\Framework\Component\ComponentType;
use Sample\Framework\Exception\NotFound;

/**
 * Renders a template of a module: "Sample_Greeting::hello.phtml".
 */
class Template
{
    public function render(string $template, array $values = []): string
    {
        [$module, $file] = explode('::', $template, 2);
        $path = ComponentRegistrar::path(ComponentType::Module, $module) ?? throw NotFound::named($module);
        $escape = static fn (string $text): string => htmlspecialchars($text, ENT_QUOTES);
        $render = Closure::bind(static function () use ($path, $file, $values, $escape): string {
            extract($values, EXTR_SKIP);
            ob_start();
            require $path . '/view/frontend/templates/' . $file;

            return (string) ob_get_clean();
        }, null, null);

        return $render();
    }
}
