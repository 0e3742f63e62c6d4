package lines

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/config"
)

// FuzzParseLine: whatever the text, Parse gives either a line that is valid and
// survives JSON, or a *config.Error in readable text.
func FuzzParseLine(f *testing.F) {
	for _, name := range Names() {
		text, err := releases.Files.ReadFile(name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte(goodLine))
	for _, c := range badLines {
		if len(c.new) < 1000 {
			f.Add([]byte(strings.Replace(goodLine, c.old, c.new, 1)))
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		line, err := Parse("line.yaml", text)
		if err == nil {
			if err := Check(line); err != nil {
				t.Errorf("Check after Parse: %v", err)
			}
			roundTrip(t, line)
			return
		}
		var bad *config.Error
		if line != nil || !errors.As(err, &bad) || !utf8.ValidString(err.Error()) {
			t.Errorf("Parse: %v and %q", line, err)
		}
	})
}
