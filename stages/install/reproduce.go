package install

import (
	"context"
	_ "embed" // router
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/stages"
)

// router lets PHP's own server, which serves the snapshot again, answer 404 for what is
// not there, as any web server does; by itself it answers with an index page.
//
//go:embed php/router.php
var router []byte

// reproduce writes a script that runs a failed command again, and gives the command to
// run it. The script serves the snapshot at the same address, if the command needs it. It
// holds no value of a proxy variable, which can be a password.
func (s *shop) reproduce(ctx context.Context, c command) (string, error) {
	if c.served {
		if err := s.writeSnapshot(ctx); err != nil {
			return "", err
		}
	}
	again := "env -i"
	for _, name := range outward {
		again += fmt.Sprintf(` ${%[1]s:+"%[1]s=$%[1]s"}`, name)
	}
	again += ` no_proxy="${no_proxy:+$no_proxy,}127.0.0.1" ` + quoteAll(s.environ()) + " " + c.quoted(c.extra) + " \\\n    " + c.shown()
	secrets := slices.DeleteFunc(slices.Sorted(maps.Keys(c.secrets)), func(name string) bool { return c.secrets[name] == "" })
	return s.writeScript("reproduce.sh", script{
		title: "Runs the step again that failed: " + c.step, snapshot: c.served, secrets: secrets, dir: c.dir, command: again,
	})
}

// writeSnapshot writes the snapshot's folder into the work folder, with the URLs that the
// server had.
func (s *shop) writeSnapshot(ctx context.Context) error {
	files, err := s.options.Store.Files(ctx, s.candidate.Snapshot.Tree)
	if err != nil {
		return err
	}
	for _, f := range files {
		if f.Mode == pipeline.Symlink || !fs.ValidPath(f.Path) {
			continue
		}
		if err := s.writeFile(ctx, f); err != nil {
			return fmt.Errorf("%s: %w", f.Path, err)
		}
	}
	return os.WriteFile(s.dir.path("router.php"), router, 0o644)
}

func (s *shop) writeFile(ctx context.Context, f pipeline.File) error {
	content, err := s.options.Store.Open(ctx, f.Digest)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(content)
	if err = errors.Join(err, content.Close()); err == nil && stages.IsMetadata(f.Path) {
		data, err = stages.Render(data, s.base)
	}
	to := filepath.Join(s.dir.path("snapshot"), filepath.FromSlash(f.Path))
	if err == nil {
		err = os.MkdirAll(filepath.Dir(to), 0o777)
	}
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, 0o644)
}

// quote quotes a word for a POSIX shell.
func quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=,+@", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func quoteAll(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = quote(word)
	}
	return strings.Join(quoted, " ")
}
