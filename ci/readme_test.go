package ci

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mage-os/nightly/releases/lines"
)

// pages are all pages for people, by their paths in the repository.
func pages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range []string{"../*.md", "../docs/*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) < 3 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			all[strings.TrimPrefix(filepath.ToSlash(file), "../")] = string(data)
		}
	}
	return all
}

// The lines that docs/lines.md shows can be copied.
func TestReadmeLines(t *testing.T) {
	_, rest, _ := strings.Cut(pages(t)["docs/lines.md"], "```yaml\n")
	for _, want := range []int{2, 31} {
		text, next, _ := strings.Cut(rest, "```")
		line, err := lines.Parse("docs/lines.md", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if got := len(line.Repositories); got != want {
			t.Errorf("line %s in docs/lines.md has %d repositories, want %d", line.Title, got, want)
		}
		_, rest, _ = strings.Cut(next, "```yaml\n")
	}
}

var (
	shownLine = regexp.MustCompile(`(?m)^(?:  )?(?:go run \./ci/|\./)?mageos-nightly (.*)$`)
	shownCode = regexp.MustCompile("`(?:go run \\./ci/|\\./)?mageos-nightly ([^`]+)`")
	oneFlag   = regexp.MustCompile(`^(--[a-z][a-z-]*)`)
)

// Every command that a page shows exists, with its flags; one in a line of its own is whole.
func TestReadmeCommands(t *testing.T) {
	shown := 0
	for page, text := range pages(t) {
		whole, parts := shownLine.FindAllStringSubmatch(text, -1), shownCode.FindAllStringSubmatch(text, -1)
		shown += len(whole) + len(parts)
		for i, match := range slices.Concat(whole, parts) {
			command, _, _ := strings.Cut(match[1], " #")
			root := newRoot(&factory{stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ, getenv: func(string) string { return "" }, now: time.Now})
			root.InitDefaultCompletionCmd("completion") // cobra adds it when it runs
			cmd, args, err := root.Find(strings.Fields(command))
			if err == nil && i < len(whole) {
				if err = cmd.ParseFlags(args); err == nil {
					err = cmd.ValidateArgs(cmd.Flags().Args())
				}
			}
			for _, arg := range args {
				if name := strings.TrimPrefix(oneFlag.FindString(arg), "--"); err == nil && name != "" && cmd.Flag(name) == nil {
					t.Errorf("%s: %s: there is no --%s", page, command, name)
				}
			}
			if err != nil {
				t.Errorf("%s: %s: %v", page, command, err)
			}
		}
	}
	if shown < 100 {
		t.Errorf("the pages show %d commands; has their form changed?", shown)
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	inCode  = regexp.MustCompile("(?s)```.*?```")
)

// anchors are the headings of a page as GitHub's links name them.
func anchors(text string) map[string]bool {
	all := map[string]bool{"": true}
	for _, match := range heading.FindAllStringSubmatch(inCode.ReplaceAllString(text, ""), -1) {
		plain := regexp.MustCompile(`[^\pL\pN _-]`).ReplaceAllString(strings.ToLower(match[1]), "")
		all[strings.ReplaceAll(plain, " ", "-")] = true
	}
	return all
}

// Every link of a page to another file leads to one, and to a heading that is there.
func TestPagesLink(t *testing.T) {
	all := pages(t)
	for page, text := range all {
		for _, match := range link.FindAllStringSubmatch(inCode.ReplaceAllString(text, ""), -1) {
			if strings.Contains(match[1], "://") {
				continue
			}
			file, anchor, _ := strings.Cut(match[1], "#")
			to := page
			if file != "" {
				to = path.Join(path.Dir(page), file)
			}
			if _, err := os.Stat(filepath.Join("..", filepath.FromSlash(to))); err != nil {
				t.Errorf("%s: %s: %v", page, match[1], err)
			}
			if other, ok := all[to]; ok && !anchors(other)[anchor] {
				t.Errorf("%s: %s: there is no such heading", page, match[1])
			}
		}
	}
}
