<?php

declare(strict_types=1);

namespace Acme\Html;

/**
 * A page that a template shows.
 */
abstract class Page
{
    abstract protected function template(): string;

    /**
     * @throws MissingTemplate
     */
    public function render(): string
    {
        if (!is_file($this->template())) {
            throw new MissingTemplate($this->template());
        }
        $part = $this;
        ob_start();
        require $this->template();

        return (string) ob_get_clean();
    }
}
