package lines

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/mage-os/nightly/pipeline/golden"
)

// TestEffectiveLines holds what each line that the program carries says in the
// end, whichever files it is made of: a plan holds this, and it decides bytes.
func TestEffectiveLines(t *testing.T) {
	for _, name := range Names() {
		t.Run(name, func(t *testing.T) {
			line, err := Load(name)
			if err != nil {
				t.Fatal(err)
			}
			var text bytes.Buffer
			encoder := json.NewEncoder(&text)
			encoder.SetEscapeHTML(false)
			encoder.SetIndent("", " ")
			if err := encoder.Encode(line); err != nil {
				t.Fatal(err)
			}
			golden.Compare(t, "testdata/lines/"+name+".json", text.Bytes())
		})
	}
}
