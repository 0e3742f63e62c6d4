package build

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/releases"
	"github.com/mage-os/nightly/releases/composer"
	"github.com/mage-os/nightly/releases/git/pattern"
	"github.com/mage-os/nightly/stages"
)

// files are those of a package with this composer.json: what lies below its directory,
// without what its line excludes and what the sources keep out of archives, as far as the
// line says that this counts.
func (w *writer) files(ctx context.Context, p stages.Package, m *composer.Manifest) ([]pipeline.File, error) {
	files := below(w.trees, p.Repository, p.Directory, p.Exclude)
	archive := w.plan.Line.Archive
	if slices.Contains(archive, releases.ArchiveExclude) {
		rules, err := archiveExclude(m)
		if err != nil {
			return nil, err
		}
		files = slices.DeleteFunc(files, func(f pipeline.File) bool { return rules.exclude(f.Path) })
	}
	ignore, subst := slices.Contains(archive, releases.ExportIgnore), slices.Contains(archive, releases.ExportSubst)
	if !ignore && !subst {
		return files, nil
	}
	attributes, err := w.attributes(ctx, p.Repository)
	if err != nil {
		return nil, err
	}
	if ignore {
		files = slices.DeleteFunc(files, func(f pipeline.File) bool {
			return attributes.Within(path.Join(p.Directory, f.Path), releases.ExportIgnore)
		})
	}
	repository, _ := w.plan.Repository(p.Repository)
	if !subst || repository.Tree.Digest != "" { // a working tree is no commit
		return files, nil
	}
	for i, f := range files {
		if name := path.Join(p.Directory, f.Path); f.Mode != pipeline.Symlink && attributes.Of(name, false, releases.ExportSubst) == "set" {
			if files[i], err = w.expand(ctx, p.Repository, name, repository.Commit, f); err != nil {
				return nil, err
			}
		}
	}
	return files, nil
}

// attributes are those of a repository.
func (w *writer) attributes(ctx context.Context, repository string) (pattern.Attributes, error) {
	return pattern.AttributesOf(func(yield func(string) bool) {
		for name, f := range w.trees[repository].Below(".") {
			if f.Mode != pipeline.Symlink && !yield(name) {
				return
			}
		}
	}, func(name string) ([]byte, error) { return w.trees.Read(ctx, repository, name) })
}

// placeholder matches a placeholder that git archive expands.
var placeholder = regexp.MustCompile(`\$Format:([^$\n]*)\$`)

// expand puts the commit into a file, as git archive does.
func (w *writer) expand(ctx context.Context, repository, name, commit string, f pipeline.File) (pipeline.File, error) {
	data, err := w.trees.Read(ctx, repository, name)
	if err != nil || !placeholder.Match(data) {
		return f, err
	}
	data = placeholder.ReplaceAllFunc(data, func(found []byte) []byte {
		text := strings.NewReplacer("%H", commit, "%h", commit[:7], "%%", "%\x00").Replace(string(placeholder.FindSubmatch(found)[1]))
		if strings.Contains(strings.ReplaceAll(text, "%\x00", ""), "%") {
			err = fmt.Errorf("%s: %s: of export-subst only %%H and %%h are known here; take export-subst out of \"archive\" of the release line",
				stages.Place(repository, name), found)
		}
		return []byte(strings.ReplaceAll(text, "%\x00", "%"))
	})
	if err == nil {
		f.Digest, f.Size, err = w.store.Add(ctx, bytes.NewReader(data))
	}
	return f, err
}

// archiveRules are archive.exclude of a composer.json.
type archiveRules []pattern.Pattern

// archiveExclude reads the rules of Composer, which are nearly those of .gitignore: one with
// a slash within is of any depth unless it begins with one, and a name that begins with a
// wildcard does not begin with a dot. Source: BaseExcludeFilter of Composer 2.
func archiveExclude(m *composer.Manifest) (rules archiveRules, err error) {
	archive, err := objectAt(m, "archive")
	if err != nil {
		return nil, err
	}
	raw, ok := archive.Get("exclude")
	var texts []string
	if ok {
		err = json.Unmarshal(raw, &texts)
	}
	if err != nil {
		return nil, fmt.Errorf("archive.exclude: %w", err)
	}
	for _, text := range texts {
		rest := strings.TrimLeft(text, "!")
		parts := strings.Split(rest, "/")
		for i, part := range parts {
			if strings.HasPrefix(part, "*") && part != "**" {
				parts[i] = "[!.]" + part
			}
		}
		inner := strings.Trim(strings.Join(parts, "/"), "/")
		switch {
		case strings.HasPrefix(rest, "/"):
			inner = "/" + inner
		case strings.Contains(inner, "/"):
			inner = "**/" + inner
		}
		if p, ok := pattern.Parse(inner, "."); ok {
			p.Negated = rest != text
			rules = append(rules, p)
		}
	}
	return rules, nil
}

// exclude says whether a file is kept out: the last rule counts that it, or a directory above
// it, meets.
func (r archiveRules) exclude(file string) bool {
	for _, p := range slices.Backward(r) {
		for at := file; at != "."; at = path.Dir(at) {
			if p.Match(at, at != file) {
				return !p.Negated
			}
		}
	}
	return false
}
