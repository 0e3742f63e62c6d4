package checkout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/go-git/go-billy/v5/util"
	gogit "github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/storage/filesystem"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases/git"
	"github.com/mage-os/nightly/releases/git/pattern"
)

// WorkTree takes the working tree of a clone into a store as it lies there: what is
// tracked and there, and what is not, but for what git ignores. Submodules and other
// repositories within are left out with a warning.
func WorkTree(ctx context.Context, s pipeline.Store, folder string, log *slog.Logger) (pipeline.Tree, error) {
	w := &workTree{folder: folder, log: log, tracked: map[string]bool{}, ignored: map[string]bool{}, patterns: map[string][]pattern.Pattern{}}
	err := w.open()
	if err == nil {
		err = filepath.WalkDir(folder, func(file string, d fs.DirEntry, err error) error {
			if err == nil {
				err = context.Cause(ctx)
			}
			if err != nil {
				return err
			}
			return w.visit(file, d)
		})
	}
	if err == nil {
		err = pipeline.Each(len(w.files), runtime.GOMAXPROCS(0), func(i int) error { return w.add(ctx, s, &w.files[i]) })
	}
	if err == nil {
		err = resolvePointers(ctx, s, w.files, func(wanted []git.LFSObject, give func(git.LFSObject, io.Reader) error) error {
			return git.Options{}.LFS(ctx, folder, wanted, give)
		})
	}
	if err != nil {
		return pipeline.Tree{}, fmt.Errorf("read the working tree of %s: %w", folder, err)
	}
	return s.Save(ctx, w.files)
}

// A workTree is a working tree while it is listed. Paths are below the folder.
type workTree struct {
	folder   string
	log      *slog.Logger
	tracked  map[string]bool              // files and submodules; with false the directories above them
	ignored  map[string]bool              // directories of which only what is tracked counts
	patterns map[string][]pattern.Pattern // by the directory of a .gitignore; "": of the clone and its user
	files    []pipeline.File
}

// open reads what the clone and its user say of the working tree.
func (w *workTree) open() error {
	clone, err := gogit.PlainOpenWithOptions(w.folder, &gogit.PlainOpenOptions{EnableDotGitCommonDir: true})
	if err != nil {
		return err
	}
	tracked, err := clone.Storer.Index()
	if err != nil {
		return fmt.Errorf("list what is tracked: %w", err)
	}
	for _, e := range tracked.Entries {
		if _, err := os.Lstat(filepath.Join(w.folder, e.Name)); err != nil && e.SkipWorktree {
			return fmt.Errorf("%s is tracked and not laid out; run git sparse-checkout disable there", e.Name)
		}
		w.tracked[e.Name] = true
		for dir := path.Dir(e.Name); dir != "."; dir = path.Dir(dir) {
			w.tracked[dir] = false
		}
	}
	settings, err := clone.ConfigScoped(config.GlobalScope)
	if err != nil {
		return err
	}
	excludes := settings.Raw.Section("core").Option("excludesfile")
	if dir, err := os.UserConfigDir(); excludes == "" && err == nil {
		excludes = filepath.Join(dir, "git", "ignore")
	}
	if rest, ok := strings.CutPrefix(excludes, "~/"); ok {
		home, _ := os.UserHomeDir() // without one it is not found
		excludes = filepath.Join(home, rest)
	}
	general, err := w.read(excludes)
	if git, ok := clone.Storer.(*filesystem.Storage); ok && err == nil {
		data, _ := util.ReadFile(git.Filesystem(), "info/exclude") // there may be none
		general = append(general, parse(data, ".")...)
	}
	w.patterns[""] = general
	return err
}

// read reads a file of patterns, which may not be there.
func (w *workTree) read(file string) ([]pattern.Pattern, error) {
	data, err := files.Read(file, files.Small)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	dir, below := strings.CutPrefix(filepath.Dir(file), w.folder)
	if dir = strings.TrimPrefix(filepath.ToSlash(dir), "/"); dir == "" || !below {
		dir = "."
	}
	return parse(data, dir), err
}

func parse(data []byte, dir string) (all []pattern.Pattern) {
	for line := range strings.Lines(string(data)) {
		if p, ok := pattern.Parse(line, dir); ok {
			all = append(all, p)
		}
	}
	return all
}

// visit lists a file, or says whether to walk into a directory.
func (w *workTree) visit(file string, d fs.DirEntry) error {
	name, err := filepath.Rel(w.folder, file)
	if name = filepath.ToSlash(name); err != nil {
		return err
	}
	skip := func() error {
		if d.IsDir() {
			return fs.SkipDir
		}
		return nil
	}
	tracked, known := w.tracked[name]
	ignored := name != "." && w.isIgnored(name, d.IsDir())
	switch {
	case d.Name() == ".git", ignored && !known:
		return skip()
	case d.IsDir():
		if _, err := os.Lstat(filepath.Join(file, ".git")); name != "." && (tracked || err == nil) {
			w.log.Warn("left out what is another repository", slog.String("path", name), slog.String("folder", w.folder))
			return skip()
		}
		w.ignored[name] = ignored
		w.patterns[name], err = w.read(filepath.Join(file, ".gitignore"))
	case d.Type() == fs.ModeSymlink:
		w.files = append(w.files, pipeline.File{Path: name, Mode: pipeline.Symlink})
	case d.Type().IsRegular():
		w.files = append(w.files, pipeline.File{Path: name, Mode: pipeline.Regular})
	}
	return err
}

// isIgnored asks the patterns, the nearest first.
func (w *workTree) isIgnored(name string, isDir bool) bool {
	dir := path.Dir(name)
	if w.ignored[dir] {
		return true
	}
	for {
		for _, p := range slices.Backward(w.patterns[dir]) {
			if p.Match(name, isDir) {
				return !p.Negated
			}
		}
		switch dir {
		case "":
			return false
		case ".":
			dir = ""
		default:
			dir = path.Dir(dir)
		}
	}
}

// add stores the content of a file.
func (w *workTree) add(ctx context.Context, s pipeline.Writer, f *pipeline.File) (err error) {
	name := filepath.Join(w.folder, filepath.FromSlash(f.Path))
	if f.Mode == pipeline.Symlink {
		var to string
		if to, err = os.Readlink(name); err == nil {
			f.Digest, f.Size, err = s.Add(ctx, strings.NewReader(filepath.ToSlash(to)))
		}
		return err
	}
	content, err := files.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	info, err := content.Stat()
	if err == nil && info.Mode()&0o100 != 0 {
		f.Mode = pipeline.Executable
	}
	if err == nil {
		f.Digest, f.Size, err = s.Add(ctx, io.Reader(content))
	}
	return err
}
