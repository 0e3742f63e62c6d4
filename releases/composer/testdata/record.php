<?php
// Records what Composer answers about versions and constraints:
//
//     php record.php < inputs.json > semver.json
//
// It needs the library composer/semver on PHP's include path (Debian: php-composer-semver). The input has "versions"
// and "constraints", lists of text. The answer has for each version its normalized form (null: not a version), its
// stability, and how it compares with every valid version in order: '<', '=', '>', or '?' where Composer leaves two
// branches unordered. It has for each constraint one '1' or '0' per valid version in order (null: not a constraint).

require 'Composer/Semver/autoload.php';

use Composer\Semver\Comparator;
use Composer\Semver\Constraint\Constraint;
use Composer\Semver\VersionParser;

ini_set('display_errors', 'stderr');

function normalized(VersionParser $parser, string $version): ?string
{
    try {
        return $parser->normalize($version);
    } catch (UnexpectedValueException $e) {
        return null;
    }
}

function order(string $a, string $b): string
{
    if (Comparator::equalTo($a, $b)) {
        return '=';
    }
    $less = Comparator::lessThan($a, $b);
    $greater = Comparator::greaterThan($a, $b);
    return $less === $greater ? '?' : ($less ? '<' : '>');
}

function matches(VersionParser $parser, string $constraint, array $versions): ?string
{
    try {
        $parsed = $parser->parseConstraints($constraint);
    } catch (UnexpectedValueException $e) {
        return null;
    }
    $row = '';
    foreach ($versions as $version) {
        $row .= $parsed->matches(new Constraint('==', $version)) ? '1' : '0';
    }
    return $row;
}

$input = json_decode(stream_get_contents(STDIN), true, 512, JSON_THROW_ON_ERROR);
$parser = new VersionParser();
$valid = [];
foreach ($input['versions'] as $version) {
    $normalized = normalized($parser, $version);
    if ($normalized !== null) {
        $valid[] = $normalized;
    }
}
$answer = ['versions' => [], 'constraints' => []];
foreach ($input['versions'] as $version) {
    $normalized = normalized($parser, $version);
    $row = ['version' => $version, 'normalized' => $normalized];
    if ($normalized !== null) {
        $row['stability'] = VersionParser::parseStability($normalized);
        $row['order'] = implode('', array_map(fn ($other) => order($normalized, $other), $valid));
    }
    $answer['versions'][] = $row;
}
foreach ($input['constraints'] as $constraint) {
    $answer['constraints'][] = ['constraint' => $constraint, 'matches' => matches($parser, $constraint, $valid)];
}
echo json_encode($answer, JSON_PRETTY_PRINT | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE), "\n";
