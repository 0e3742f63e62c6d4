// Package composer speaks Composer's vocabulary: names, versions, constraints, composer.json, composer.lock and the
// metadata of a Composer repository, both written and read.
//
// The rules come from Composer's documentation ("Versions and constraints", "The composer.json schema",
// "Repositories") and, where that is silent, from what Composer itself answers: testdata/semver.json holds its
// answers, recorded with testdata/record.php.
package composer
