<?php
// Records what nikic/php-parser finds in the fixtures: see README.md.
declare(strict_types=1);

use PhpParser\Node;
use PhpParser\NodeTraverser;
use PhpParser\NodeVisitor\NameResolver;
use PhpParser\NodeVisitorAbstract;
use PhpParser\ParserFactory;
use PhpParser\PhpVersion;

$recording = realpath($_SERVER['SCRIPT_FILENAME']) === __FILE__;
if ($recording) {
    require $argv[1];
}

final class Recorder extends NodeVisitorAbstract
{
    /** @var array<string, array{int, int, string, string}> position, line, kind and name */
    public array $found = [];

    /** @var string[] */
    public array $declares = [];

    public function enterNode(Node $node)
    {
        if ($node instanceof Node\Stmt\ClassLike && isset($node->namespacedName)) {
            $this->declares[] = $node->namespacedName->toString();
        }
        match (true) {
            $node instanceof Node\Expr\New_ => $this->add('new', $node->class),
            $node instanceof Node\Expr\StaticCall, $node instanceof Node\Expr\StaticPropertyFetch,
            $node instanceof Node\Expr\ClassConstFetch => $this->add('static', $node->class),
            $node instanceof Node\Expr\Instanceof_ => $this->add('instanceof', $node->class),
            $node instanceof Node\Stmt\Class_ => $this->head($node->extends ? [$node->extends] : [], $node->implements),
            $node instanceof Node\Stmt\Enum_ => $this->head([], $node->implements, $node->scalarType),
            $node instanceof Node\Stmt\Interface_ => $this->head($node->extends, []),
            $node instanceof Node\Stmt\TraitUse => $this->add('trait', ...$node->traits),
            $node instanceof Node\Stmt\TraitUseAdaptation\Precedence =>
                $this->add('trait', $node->trait, ...$node->insteadof),
            $node instanceof Node\Stmt\TraitUseAdaptation\Alias => $this->add('trait', $node->trait),
            $node instanceof Node\Param, $node instanceof Node\Stmt\Property,
            $node instanceof Node\Stmt\ClassConst => $this->type($node->type),
            $node instanceof Node\FunctionLike => $this->type($node->getReturnType()),
            $node instanceof Node\Stmt\Catch_ => $this->add('catch', ...$node->types),
            $node instanceof Node\Attribute => $this->add('attribute', $node->name),
            $node instanceof Node\Expr\FuncCall => $this->call($node->name),
            $node instanceof Node\Expr\ConstFetch => $this->constant($node->name),
            $node instanceof Node\Stmt\Use_ => $this->import($node->type, '', $node->uses),
            $node instanceof Node\Stmt\GroupUse => $this->import($node->type, $node->prefix . '\\', $node->uses),
            default => null,
        };
        return null;
    }

    private function add(string $kind, ?Node ...$names): void
    {
        foreach ($names as $name) {
            if ($name instanceof Node\Name && !$name->isSpecialClassName()) {
                $this->put($kind, $name->toString(), $name);
            }
        }
    }

    private function put(string $kind, string $name, Node $at): void
    {
        $known = $this->found["$kind $name"] ?? [PHP_INT_MAX];
        if ($at->getStartFilePos() < $known[0]) {
            $this->found["$kind $name"] = [$at->getStartFilePos(), $at->getStartLine(), $kind, $name];
        }
    }

    private function head(array $extends, array $implements, ?Node $type = null): void
    {
        $this->add('extends', ...$extends);
        $this->add('implements', ...$implements);
        $this->type($type);
    }

    private function type(?Node $type): void
    {
        if ($type instanceof Node\NullableType) {
            $this->type($type->type);
        } elseif ($type instanceof Node\UnionType || $type instanceof Node\IntersectionType) {
            array_map($this->type(...), $type->types);
        } elseif ($type instanceof Node\Name) {
            $this->add('type', $type);
        }
    }

    private function call(Node $name): void
    {
        // clone(…) and exit(…) are calls to newer versions, and keywords to us.
        if ($name instanceof Node\Name && !in_array($name->toLowerString(), ['clone', 'exit', 'die'], true)) {
            $this->put('function', $name->toString(), $name);
        }
    }

    private function constant(Node\Name $name): void
    {
        if (!in_array($name->toLowerString(), ['true', 'false', 'null'], true)) {
            $this->put('constant', $name->toString(), $name);
        }
    }

    private function import(int $type, string $prefix, array $uses): void
    {
        foreach ($uses as $use) {
            if (($type | $use->type) === Node\Stmt\Use_::TYPE_NORMAL) {
                $this->put('import', $prefix . $use->name, $use->name);
            }
        }
    }
}

/** Gives the lines of one file: "declares <name>", then "<line> <kind> <name>" by position. */
function references(string $code, PhpVersion $version): string
{
    $recorder = new Recorder();
    $traverser = new NodeTraverser(new NameResolver(null, ['replaceNodes' => true]), $recorder);
    $traverser->traverse((new ParserFactory())->createForVersion($version)->parse($code));
    $found = array_values($recorder->found);
    usort($found, static fn(array $a, array $b): int => $a[0] <=> $b[0]);
    $lines = array_map(static fn(string $name): string => "declares $name\n", $recorder->declares);
    foreach ($found as [, $line, $kind, $name]) {
        $lines[] = "$line $kind $name\n";
    }
    return implode('', $lines);
}

if ($recording) {
    foreach (glob(__DIR__ . '/*/*.php') as $file) {
        $version = PhpVersion::fromString(basename(dirname($file)));
        file_put_contents(substr($file, 0, -3) . 'txt', references(file_get_contents($file), $version));
    }
}
