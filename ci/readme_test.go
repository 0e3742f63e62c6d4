package ci

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/releases"
)

func readme(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// The line that README shows is one that can be copied.
func TestReadmeLine(t *testing.T) {
	_, rest, found := strings.Cut(readme(t), "```yaml\n")
	text, _, closed := strings.Cut(rest, "```")
	if !found || !closed {
		t.Fatal("README.md shows no line")
	}
	line, err := releases.Parse("README.md", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := len(line.Repositories); got != 2 {
		t.Errorf("the line in README.md has %d repositories, want 2", got)
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
