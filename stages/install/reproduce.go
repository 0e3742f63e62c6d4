package install

import (
	"context"
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
const router = `<?php
$path = __DIR__ . '/snapshot' . rawurldecode(parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH));
if (is_file($path)) {
    return false;
}
http_response_code(404);
`

// reproduce writes a script that runs a failed command again, and gives the command to
// run it. The script serves the snapshot at the same address, if the command needs it. It
// holds no value of a proxy variable, which can be a password.
func (s *shop) reproduce(ctx context.Context, c command) (string, error) {
	var script strings.Builder
	script.WriteString("#!/bin/sh\n# Runs the step again that failed: " + c.step + "\n")
	if c.served {
		if err := s.writeSnapshot(ctx); err != nil {
			return "", err
		}
		s.writeServer(&script)
	}
	s.writeDatabase(&script)
	for _, name := range slices.Sorted(maps.Keys(c.secrets)) {
		if c.secrets[name] != "" {
			fmt.Fprintf(&script, ": \"${%s:?set it to the password of that service}\"\n", name)
		}
	}
	fmt.Fprintf(&script, "cd %s || exit\nenv -i", quote(c.dir))
	for _, name := range proxies {
		if s.caller(name) != "" {
			fmt.Fprintf(&script, ` %s="$%s"`, name, name)
		}
	}
	script.WriteString(" no_proxy=\"${no_proxy:+$no_proxy,}127.0.0.1\" " + quoteAll(s.fixedEnviron()) + " " + c.quoted(c.extra) + " \\\n    " + c.shown() + "\n")
	file := s.dir.path("reproduce.sh")
	return "sh " + quote(file), os.WriteFile(file, []byte(script.String()), 0o755)
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
	return os.WriteFile(s.dir.path("router.php"), []byte(router), 0o644)
}

func (s *shop) writeFile(ctx context.Context, f pipeline.File) (err error) {
	to := filepath.Join(s.dir.path("snapshot"), filepath.FromSlash(f.Path))
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	content, err := s.options.Store.Open(ctx, f.Digest)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	if stages.IsMetadata(f.Path) {
		data, err := io.ReadAll(content)
		if err == nil {
			data, err = stages.Render(data, s.base)
		}
		if err != nil {
			return err
		}
		return os.WriteFile(to, data, 0o644)
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, content)
	return errors.Join(err, out.Close())
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
