package ci

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/releases/lines"
)

func readme(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The lines that README shows can be copied.
func TestReadmeLines(t *testing.T) {
	_, rest, _ := strings.Cut(readme(t), "```yaml\n")
	for _, want := range []int{2, 31} {
		text, next, _ := strings.Cut(rest, "```")
		line, err := lines.Parse("README.md", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := len(line.Repositories); got != want {
			t.Errorf("line %s in README.md has %d repositories, want %d", line.Title, got, want)
		}
		_, rest, _ = strings.Cut(next, "```yaml\n")
	}
}

// handbook is README and all that stands in docs.
func handbook(t *testing.T) string {
	t.Helper()
	text := readme(t)
	pages, err := filepath.Glob("../docs/*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("pages of docs: %v", err)
	}
	for _, page := range pages {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		text += "\n" + string(data)
	}
	return text
}

// Every command that README and docs show exists, with its flags.
func TestReadmeCommands(t *testing.T) {
	const program = "go run ./ci/mageos-nightly "
	shown := 0
	for line := range strings.Lines(handbook(t)) {
		rest, ok := strings.CutPrefix(line, program)
		if !ok {
			continue
		}
		shown++
		rest, _, _ = strings.Cut(rest, "#")
		root := newRoot(&factory{stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ, getenv: func(string) string { return "" }, now: time.Now})
		cmd, args, err := root.Find(strings.Fields(rest))
		if err != nil {
			t.Errorf("%s: %v", rest, err)
			continue
		}
		if err := cmd.ParseFlags(args); err != nil {
			t.Errorf("%s: %v", rest, err)
		}
		if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
			t.Errorf("%s: %v", rest, err)
		}
	}
	if shown < 10 {
		t.Errorf("README.md shows %d commands; has their form changed?", shown)
	}
}
