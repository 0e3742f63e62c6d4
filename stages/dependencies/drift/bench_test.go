package drift

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
	"github.com/mage-os/nightly/stages"
)

// generated is a made-up distribution of so many modules, each with 60 classes
// that use those of other modules, 20 configurations and 20 templates.
func generated(tb testing.TB, s pipeline.Store, modules int) Input {
	tb.Helper()
	var files []pipeline.File
	var packages []stages.Package
	add := func(path, text string) {
		digest, size, err := s.Add(tb.Context(), strings.NewReader(text))
		if err != nil {
			tb.Fatal(err)
		}
		files = append(files, pipeline.File{Path: path, Mode: pipeline.Regular, Size: size, Digest: digest})
	}
	for m := range modules {
		dir := fmt.Sprintf("app/M%03d/", m)
		next := (m + 1) % modules
		add(dir+"composer.json", fmt.Sprintf(`{"name": "acme/module-%d", "type": "magento2-module", "require": {"acme/module-%d": "*"},
			"autoload": {"psr-4": {"Acme\\M%03d\\": ""}}}`, m, next, m))
		for c := range 60 {
			add(fmt.Sprintf("%sModel/C%d.php", dir, c), class(m, c, modules))
		}
		for c := range 20 {
			add(fmt.Sprintf("%setc/area%d/di.xml", dir, c), fmt.Sprintf(`<config><preference for="Acme\M%03d\Api\C%d" type="Acme\M%03d\Model\C%d"/></config>`, next, c, m, c))
			add(fmt.Sprintf("%sview/frontend/templates/t%d.phtml", dir, c), fmt.Sprintf("<p><?= $block->escapeHtml(\\Acme\\M%03d\\Model\\C1::NAME) ?></p>%s", m, strings.Repeat("\n<div></div>", 30)))
		}
		packages = append(packages, stages.Package{Repository: "all", Directory: strings.TrimSuffix(dir, "/"), Kind: stages.Plain, Name: fmt.Sprintf("acme/module-%d", m)})
	}
	tree, err := s.Save(tb.Context(), files)
	if err != nil {
		tb.Fatal(err)
	}
	return Input{
		Sources:      stages.Sources{Repositories: []stages.Source{{Name: "all", Head: tree}}},
		Dependencies: stages.Dependencies{Packages: packages}, Vendors: []string{"acme"}, Only: []string{},
	}
}

// class is about as long as Magento's are.
func class(m, c, modules int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<?php\ndeclare(strict_types=1);\n\nnamespace Acme\\M%03d\\Model;\n\nuse Acme\\M%03d\\Api\\Thing;\n\nclass C%d extends Thing\n{\n", m, (m+1)%modules, c)
	for i := range 12 {
		fmt.Fprintf(&b, "    /**\n     * Says something of number %d.\n     *\n     * @param Thing $thing\n     * @return string[]\n     */\n", i)
		fmt.Fprintf(&b, "    public function method%d(Thing $thing, \\Acme\\M%03d\\Model\\C%d $other): array\n    {\n", i, (m+i)%modules, i)
		b.WriteString("        if ($thing instanceof \\Stringable && count($other->items()) > 3) {\n            return [sprintf('%s-%d', (string) $thing, 7)];\n        }\n        return array_map(fn ($x) => trim($x), $other->items());\n    }\n\n")
	}
	b.WriteString("}\n")
	return b.String()
}

// BenchmarkDrift is the whole report of 360 modules with 36,360 files, as many as
// the packages of 2.4.7 have.
func BenchmarkDrift(b *testing.B) {
	s, err := store.Open(b.TempDir())
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	in := generated(b, s, 360)
	files := 0
	for b.Loop() {
		r, err := Stage(Options{Store: s}).Run(b.Context(), in)
		if err != nil {
			b.Fatal(err)
		}
		for _, p := range r.Packages {
			files += p.Files
		}
	}
	b.ReportMetric(float64(files)/b.Elapsed().Seconds(), "files/s")
}
