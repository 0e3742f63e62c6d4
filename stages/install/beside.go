package install

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/releases"
)

// A compilation runs beside the set-up, which leaves a core idle. Neither sees what the other
// generates: each has folders of its own in place of Magento's.
type compilation struct {
	shop  *shop // what it proves
	ended chan struct{}
	err   error // once it has ended
}

// The folders in the work folder that take the place of Magento's: while the compilation runs,
// the set-up's generated code, which has to lie in the project, and all that the compilation
// writes but its code.
const (
	setUpDirs   = mainProject + "/var/beside"
	compileDirs = "beside"
)

// phpDirs hands the folders to Magento as its own Bootstrap takes them.
//
//go:embed php/dirs.php
var phpDirs []byte

// configured is what setup:install says when app/etc/config.php has the modules, which is
// all that setup:di:compile needs of it.
const configured = "Installing database schema"

// canCompileBeside reports whether the shop will be compiled, and takes its folders from
// where phpDirs has them.
func (s *shop) canCompileBeside() bool {
	data, err := files.Read(s.in("setup/src/Magento/Setup/Mvc/Bootstrap/InitParamListener.php"), maxForeign)
	return err == nil && s.candidate.Install.Level.Includes(releases.Compile) && strings.Contains(string(data), "INIT_PARAM_FILESYSTEM_DIR_PATHS") && strings.Contains(string(data), "$_SERVER[$initKey]")
}

// setUpBeside are the folders of the set-up's commands, which begin the compilation when they
// say that the shop is configured.
func (s *shop) setUpBeside(ctx context.Context, c *command) error {
	if s.folder != mainProject || !s.canCompileBeside() {
		return nil
	}
	if err := s.writeDirs(setUpDirs, map[string]string{"generated": "generated", "code": "generated/code", "generation": "generated/code", "metadata": "generated/metadata", "di": "generated/metadata"}); err != nil {
		return err
	}
	s.beside = s.dirsOf(setUpDirs)
	c.extra = s.beside
	s.builtModules() // both read them from here on
	c.line = func(line string) {
		if s.compiling == nil && strings.HasPrefix(line, configured) {
			s.compiling = s.beginCompile(ctx)
		}
	}
	return nil
}

// beginCompile begins the compilation, which ends with the installation at the latest.
func (s *shop) beginCompile(ctx context.Context) *compilation {
	ctx, cancel := context.WithCancel(ctx)
	other := *s
	s.commands++ // its log's number
	other.now, other.proven, other.steps = releases.Compile, nil, nil
	other.options.Progress = func(pipeline.Step) {} // the set-up's is told
	made := &compilation{shop: &other, ended: make(chan struct{})}
	go func() {
		defer close(made.ended)
		if made.err = other.prepareCompile(); made.err == nil {
			made.err = other.magentoDone(ctx, "setup:di:compile")
		}
	}()
	s.atEnd(func() error {
		cancel()
		<-made.ended
		return nil
	})
	return made
}

// prepareCompile gives the compilation its folders, and app/etc without the services that the
// set-up uses.
func (s *shop) prepareCompile() error {
	if err := s.writeDirs(compileDirs, map[string]string{"etc": "etc", "var": "var", "cache": "var/cache", "log": "var/log", "tmp": "var/tmp", "metadata": "generated/metadata", "di": "generated/metadata"}); err != nil {
		return err
	}
	s.beside = s.dirsOf(compileDirs)
	etc := s.dir.path(compileDirs + "/etc")
	if err := os.CopyFS(etc, os.DirFS(s.in("app/etc"))); err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(etc, "env.php")); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// compile generates the code of the object manager for every class, or waits until that has
// ended.
func (s *shop) compile(ctx context.Context) error {
	s.beside = nil
	if s.compiling == nil {
		return s.magentoDone(ctx, "setup:di:compile")
	}
	s.progress("setup:di:compile", "")
	<-s.compiling.ended
	s.steps, s.proven = append(s.steps, s.compiling.shop.steps...), append(s.proven, s.compiling.shop.proven...)
	if err := errors.Join(s.compiling.err, os.RemoveAll(s.dir.path(setUpDirs))); err != nil {
		return err
	}
	return os.Rename(s.dir.path(compileDirs+"/generated/metadata"), s.in("generated/metadata"))
}

// writeDirs makes folders below one of the work folder, and lets PHP hand them to Magento, by
// Magento's own names for them.
func (s *shop) writeDirs(below string, dirs map[string]string) error {
	type place struct {
		Path string `json:"path"`
	}
	paths := map[string]place{"base": {s.project()}}
	for name, dir := range dirs {
		paths[name] = place{s.dir.path(below + "/" + dir)}
		if err := os.MkdirAll(paths[name].Path, 0o777); err != nil {
			return err
		}
	}
	data, err := json.Marshal(paths)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{
		"php/dirs.json": data, "php/dirs.php": phpDirs,
		"php/dirs.ini": fmt.Appendf(nil, "auto_prepend_file=%q\n", s.dir.path(below+"/php/dirs.php")),
	} {
		if err := files.Replace(s.dir.path(below+"/"+name), content); err != nil {
			return err
		}
	}
	return nil
}

// dirsOf lets PHP read the settings that writeDirs has written.
func (s *shop) dirsOf(below string) []string {
	return []string{scanDirs(s.dir.path("php"), s.dir.path(below+"/php"))}
}
