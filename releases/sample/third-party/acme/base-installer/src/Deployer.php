<?php

declare(strict_types=1);

namespace Acme\BaseInstaller;

use FilesystemIterator;
use RecursiveDirectoryIterator;
use RecursiveIteratorIterator;
use RuntimeException;

/**
 * Copies files from a package into a project: extra.map lists pairs of source and target, extra.chmod masks by path.
 */
final class Deployer
{
    public function __construct(private readonly string $package, private readonly string $project)
    {
    }

    /**
     * @param array{map?: list<array{string, string}>, chmod?: list<array{mask: string, path: string}>} $extra
     * @return int how many files were copied
     */
    public function deploy(array $extra): int
    {
        $count = 0;
        foreach ($extra['map'] ?? [] as [$source, $target]) {
            $count += $this->copy($this->within($this->package, $source), $this->within($this->project, $target));
        }
        foreach ($extra['chmod'] ?? [] as ['mask' => $mask, 'path' => $path]) {
            $this->must(chmod($this->within($this->project, $path), (int) octdec($mask)), 'chmod ' . $path);
        }

        return $count;
    }

    private function within(string $folder, string $path): string
    {
        if (in_array('..', explode('/', $path), true)) {
            throw new RuntimeException($path . ' leaves its folder');
        }

        return $folder . '/' . $path;
    }

    private function copy(string $source, string $target): int
    {
        if (!is_dir($source)) {
            return $this->copyFile($source, $target);
        }
        $this->makeFolder($target);
        $count = 0;
        $found = new RecursiveIteratorIterator(
            new RecursiveDirectoryIterator($source, FilesystemIterator::SKIP_DOTS),
            RecursiveIteratorIterator::SELF_FIRST,
        );
        foreach ($found as $file) {
            $to = $target . substr($file->getPathname(), strlen($source));
            if ($file->isDir()) {
                $this->makeFolder($to);
            } else {
                $count += $this->copyFile($file->getPathname(), $to);
            }
        }

        return $count;
    }

    private function copyFile(string $source, string $target): int
    {
        $this->makeFolder(dirname($target));
        $this->must(copy($source, $target), 'copy ' . $source);
        $this->must(chmod($target, fileperms($source) & 0777), 'chmod ' . $target);

        return 1;
    }

    private function makeFolder(string $folder): void
    {
        $this->must(is_dir($folder) || mkdir($folder, 0777, true), 'make the folder ' . $folder);
    }

    private function must(bool $done, string $what): void
    {
        if (!$done) {
            throw new RuntimeException('Cannot ' . $what);
        }
    }
}
