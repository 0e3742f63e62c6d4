package releases

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
)

// Install says how far the test installation goes.
type Install struct {
	// Project is the edition that is installed, without vendor; empty: the
	// first project of the line.
	Project string `json:"project"`
	// Run are PHP scripts of the installed project, run in order after the
	// installation; each must exit with 0.
	Run []string `json:"run"`
	// Expect are texts that the scripts' output must hold.
	Expect []string `json:"expect"`
	// Level is how much is proven.
	Level Level `json:"level"`
	// Search is what the shop searches with where no search service is given:
	// NoSearch or StandInSearch.
	Search string `json:"search"`
	// SampleData installs the distribution's sample data too.
	SampleData bool `json:"sample-data"`
	// Tests are those of the packages themselves that are run.
	Tests Tests `json:"tests,omitzero"`
	// Matrix says with which PHP versions and services it is proven.
	Matrix Matrix `json:"matrix"`
	// Images are what is run in containers in place of what package images has, by
	// what the matrix calls it: php:8.3 or php (any version) is an image with PHP and
	// Composer, mariadb:10.6 one of a database; cache (Valkey or Redis) and queue
	// (RabbitMQ) run beside every cell, "none" in their place turns them off. An image
	// is a registry's reference, best with a digest, or file:///….tar, file:///ROOTFS.
	Images map[string]string `json:"images"`
	// Slower is by how many times the usual a page of the shop may become slower, or ask the database more often, until
	// the board warns; 0: DefaultSlower.
	Slower float64 `json:"slower,omitzero"`
}

// DefaultSlower is Slower where a line says nothing.
const DefaultSlower = 1.5

// SlowerBy is what counts.
func (i Install) SlowerBy() float64 { return cmp.Or(i.Slower, DefaultSlower) }

// Tests are tests that packages have, run from level Installed on.
type Tests struct {
	// Suites are what is run: UnitTests.
	Suites []string `json:"suites,omitempty"`
	// Known are tests that are known to fail, each with the reason: Class::method, or one
	// data set of it as PHPUnit names it. Only what else fails makes a line red.
	Known map[string]string `json:"known,omitempty"`
}

// UnitTests are the tests in Test/Unit of packages.
const UnitTests = "unit"

// Suites are all suites of tests.
func Suites() []string { return []string{UnitTests} }

// A Level is how much a test installation proves. Each includes those before.
type Level string

// The levels, in their order.
const (
	// Resolve: Composer resolves the project edition against the night.
	Resolve Level = "resolve"
	// Installed: the files are on disk, plugins ran, the platform suffices, the
	// line's scripts run.
	Installed Level = "install"
	// Setup: bin/magento setup:install with a database; every module enabled,
	// every index built.
	Setup Level = "setup"
	// Compile: setup:di:compile.
	Compile Level = "compile"
	// Shop: storefront, admin login, GraphQL and REST answer.
	Shop Level = "shop"
	// Deploy: production mode with static content.
	Deploy Level = "deploy"
)

// Levels are all levels in their order.
func Levels() []Level { return []Level{Resolve, Installed, Setup, Compile, Shop, Deploy} }

// Includes reports whether what the other level proves is part of this one. An
// unknown level includes nothing.
func (l Level) Includes(other Level) bool {
	return slices.Index(Levels(), l) >= slices.Index(Levels(), other) && slices.Contains(Levels(), other)
}

// What a shop searches with where no search service is given.
const (
	// NoSearch disables the search modules, so less is proven.
	NoSearch = "none"
	// StandInSearch is a small search service of this program that keeps what is
	// indexed. All modules are enabled with it; it proves no search quality.
	StandInSearch = "stand-in"
)

// A Matrix lists with what a night is proven: each PHP version with each database
// and each search. An empty list is derived: PHP versions from the constraint of
// the root composer.json, services from what upstream supports (Services).
type Matrix struct {
	// PHP are versions of two parts: 8.3.
	PHP []string `json:"php"`
	// Database are images of MariaDB or MySQL, best with a digest:
	// mariadb:10.6@sha256:….
	Database []string `json:"database"`
	// Search are images of OpenSearch or Elasticsearch, NoSearch or StandInSearch.
	Search []string `json:"search"`
}

// imageReference matches a reference from which a container can be made.
var imageReference = regexp.MustCompile(`^(?:file:///\S+|[a-z0-9][A-Za-z0-9._-]*(?::[A-Za-z0-9._-]+)?(?:/[a-z0-9][a-z0-9._-]*(?::[A-Za-z0-9._-]+)?)*(?:@sha256:[0-9a-f]{64})?)$`)

// IsImageReference reports whether a text names an image: one of a registry, a
// tar or a root file system on this machine.
func IsImageReference(text string) bool { return imageReference.MatchString(text) }

// IsRecipe reports whether an image is not named, but the text of a Dockerfile.
func IsRecipe(image string) bool { return strings.Contains(image, "\n") }

// ImageTitle is an image for people: its name, or the comment at the head of a recipe.
func ImageTitle(image string) string {
	title, _, _ := strings.Cut(image, "\n")
	return strings.TrimPrefix(title, "# ")
}
