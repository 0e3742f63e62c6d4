package scan

import (
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/pipeline"
)

// XML of any depth takes no stack and no more time than its size: it is read in one
// pass, element by element, entities are not expanded, and a file over maxFile is a
// problem of its name.
func TestHostileXML(t *testing.T) {
	const deep = 1 << 20
	entities := `<!DOCTYPE l [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><config><type name="Acme\Shop\Model"/>` + strings.Repeat("&b;", deep) + "</config>"
	for name, src := range map[string]string{
		"depth":    strings.Repeat("<type>", deep) + `<type name="Acme\Shop\Model"/>` + strings.Repeat("</type>", deep),
		"entities": entities,
		"unended":  `<type name="Acme\Shop\Model"/>` + strings.Repeat("<a b='", deep),
		"comments": `<type name="Acme\Shop\Model"/>` + strings.Repeat("<!--", deep),
	} {
		t.Run(name, func(t *testing.T) {
			start := time.Now()
			got := readXML([]byte(src), plainXML)
			if len(got.References) != 1 || got.References[0].Name != `Acme\Shop\Model` {
				t.Errorf("%d references", len(got.References))
			}
			if took := time.Since(start); took > time.Minute {
				t.Errorf("took %s", took)
			}
		})
	}
}

func TestLargeXML(t *testing.T) {
	store := openStore(t)
	digest, size, err := store.Add(t.Context(), strings.NewReader(strings.Repeat(" ", maxFile+1)))
	if err != nil {
		t.Fatal(err)
	}
	found, err := Files(t.Context(), store, []pipeline.File{{Path: "etc/di.xml", Mode: pipeline.Regular, Size: size, Digest: digest}})
	if err != nil || len(found) != 1 || !strings.Contains(found[0].Problem, "and was not read") {
		t.Errorf("%v, %v", found, err)
	}
}
