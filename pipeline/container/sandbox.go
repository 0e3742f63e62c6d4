package container

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/pipeline/store"
)

// A Sandbox runs stages behind a wall on this machine, where there is no engine: as their
// containers do, in a process of this program that bubblewrap starts. The stage sees the
// system read-only, its input, and its own folders; not the processes of the machine, no
// home, no store, of the environment what it is given, and of networks its Doors. As root it
// becomes a user that has no rights. All that it started ends with it.
// Bubblewrap: https://github.com/containers/bubblewrap
type Sandbox struct {
	Store   pipeline.Store // of the trees of input and result
	Dir     string         // folder for both; what is made there is removed
	Options Options        // Raw, Log and Progress get what stages say; the others do not count
}

// bubblewrap is its program, and setpriv that of util-linux, which gives up root's rights.
const bubblewrap, setpriv = "bwrap", "setpriv"

// nobody is the user and group of a sandbox that root starts; no file belongs to it.
const nobody = 65534

// FindSandbox reports why there can be no sandbox on this machine; nil: there can.
func FindSandbox(ctx context.Context) error {
	if runtime.GOOS != "linux" {
		return errors.New("there is no sandbox but on Linux; start Docker")
	}
	args, err := wall()
	if err != nil {
		return err
	}
	if out, err := exec.CommandContext(ctx, args[0], append(args[1:], "true")...).CombinedOutput(); err != nil {
		return fmt.Errorf("bubblewrap does not run here: %w: %s%s", err, lastLine(string(out)), forbidden("/proc/sys"))
	}
	return nil
}

// forbidden says by which setting of the kernel, in a folder, users may make no namespaces, and
// what to do; empty: by none.
func forbidden(dir string) string {
	for _, setting := range []struct{ name, value, do string }{
		{"kernel.apparmor_restrict_unprivileged_userns", "1", "give bwrap a profile of AppArmor (docs/install.md)"},
		{"kernel.unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"},
		{"user.max_user_namespaces", "0", "sysctl user.max_user_namespaces=10000"},
	} {
		data, err := os.ReadFile(filepath.Join(dir, strings.ReplaceAll(setting.name, ".", "/")))
		if err == nil && strings.TrimSpace(string(data)) == setting.value {
			return fmt.Sprintf("; %s is %s here: %s", setting.name, setting.value, setting.do)
		}
	}
	return ""
}

// wall is the begin of a command in a sandbox.
func wall(more ...string) ([]string, error) {
	program, err := exec.LookPath(bubblewrap)
	if err != nil {
		return nil, fmt.Errorf("%w; install bubblewrap (on Debian: apt install bubblewrap)", err)
	}
	args := []string{program, "--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-net", "--new-session", "--die-with-parent"}
	for _, dir := range []string{"/usr", "/etc"} {
		args = append(args, "--ro-bind-try", dir, dir)
	}
	for _, dir := range []string{"/bin", "/sbin", "/lib", "/lib32", "/lib64"} {
		if to, err := os.Readlink(dir); err == nil {
			args = append(args, "--symlink", to, dir)
		} else {
			args = append(args, "--ro-bind-try", dir, dir)
		}
	}
	args = append(args, "--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/tmp", "--tmpfs", "/var", "--tmpfs", "/run")
	args = append(args, more...)
	if os.Geteuid() == 0 {
		user := strconv.Itoa(nobody)
		args = append(args, "--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--",
			setpriv, "--reuid", user, "--regid", user, "--clear-groups", "--no-new-privs")
	}
	return args, nil
}

// Walled gives the stage run in the sandbox, in the folder work of this machine, which
// stays. Name, Version and the types are the stage's, so that both have the same keys and
// saved results. needs says what it gets beside its input; services of its own it has none.
func Walled[In, Out any](s *Sandbox, stage pipeline.Stage[In, Out], work string, needs func(In) (Needs, error)) pipeline.Stage[In, Out] {
	walled := stage
	walled.Run = func(ctx context.Context, in In) (out Out, err error) {
		dir, err := os.MkdirTemp(s.Dir, "sandbox-")
		if err != nil {
			return out, err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		n, err := needs(in)
		if err != nil {
			return out, err
		}
		if err := s.prepare(ctx, dir, work, in); err != nil {
			return out, &SandboxError{Stage: stage.Name, Err: err}
		}
		if err := s.run(ctx, stage.Name, dir, work, n); err != nil {
			return out, err
		}
		return out, s.take(ctx, dir, &out)
	}
	return walled
}

// A SandboxError says that a sandbox could not be made. It tells nothing of what the stage was
// to do.
type SandboxError struct {
	Stage string
	Err   error
}

func (e *SandboxError) Error() string {
	return fmt.Sprintf("prepare the sandbox of stage %s: %v; remove what is left of the last installation, below the store in the folder install", e.Stage, e.Err)
}

func (e *SandboxError) Unwrap() error { return e.Err }

// prepare writes the input, and makes folders that the stage's user can write to.
func (s *Sandbox) prepare(ctx context.Context, dir, work string, in any) error {
	data, err := json.Marshal(in)
	if err != nil {
		return err
	}
	err = errors.Join(os.MkdirAll(filepath.Join(dir, "in"), 0o755), os.MkdirAll(filepath.Join(dir, "out"), 0o755), os.MkdirAll(work, 0o755))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "in", "input.json"), data, 0o644)
	}
	if err == nil {
		err = copyTrees(ctx, filepath.Join(dir, "in", treesDir), s.Store, pipeline.Trees(in))
	}
	if err == nil && os.Geteuid() == 0 {
		err = errors.Join(giveAway(dir), giveAway(work))
	}
	return err
}

// giveAway makes all of a folder the user's of the sandbox. Of one that is, nothing is looked
// at: package code may have left anything there.
func giveAway(dir string) error {
	if owner, err := ownerOf(dir); err != nil || owner == nobody {
		return err
	}
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		return errors.Join(err, os.Lchown(path, nobody, nobody))
	})
}

// run runs the stage. One that fails is an *ExecError, as in a container.
func (s *Sandbox) run(ctx context.Context, stage, dir, work string, n Needs) (err error) {
	doors, err := openDoors(ctx, doorsPath, n.Doors)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, doors.Close()) }()
	args, err := s.command(stage, dir, work, n, doors)
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Env = []string{}             // nil would be all of ours
	for name, value := range n.Env { // not by bubblewrap's arguments, which every process can read
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var stdout, stderr tail
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&logWriter{options: s.Options}, &stdout), &stderr
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &exit):
		return newExecError(stage, exit.ExitCode(), string(stdout), string(stderr))
	}
	return err
}

// command is the stage's, behind the wall.
func (s *Sandbox) command(stage, dir, work string, n Needs, doors *sockets) ([]string, error) {
	program, err := s.program(dir)
	if err != nil {
		return nil, err
	}
	more := slices.Concat(bind("--ro-bind", program, programPath), bind("--ro-bind", filepath.Join(dir, "in"), path.Dir(inputPath)),
		bind("--bind", filepath.Join(dir, "out"), outPath), bind("--bind", work, work), bind("--ro-bind", doors.dir, doorsPath))
	for _, f := range n.Folders {
		more = append(more, bind("--ro-bind", f.Path, f.Path)...)
	}
	args, err := wall(more...)
	if err != nil {
		return nil, err
	}
	args = append(args, programPath, "stage", stage, "--input", inputPath, "--out", outPath, "--store", outPath+"/store", "--work", work, "--walled")
	args = append(args, doors.args...)
	if trees := filepath.Join(dir, "in", treesDir); exists(trees) {
		args = append(args, "--trees", treesPath)
	}
	return args, nil
}

// program is this program where the stage's user can run it.
func (s *Sandbox) program(dir string) (string, error) {
	program, err := os.Executable()
	if err != nil {
		return "", err
	}
	info, err := os.Stat(program)
	if err != nil || os.Geteuid() != 0 || info.Mode()&0o005 == 0o005 {
		return program, err
	}
	data, err := os.ReadFile(program)
	copied := filepath.Join(dir, "program")
	return copied, errors.Join(err, os.WriteFile(copied, data, 0o700), os.Chown(copied, nobody, nobody))
}

// bind mounts what lies here at a path in the sandbox, whose folders anybody may enter.
func bind(how, from, to string) []string {
	args := []string{how, from, to}
	for dir := filepath.Dir(to); dir != "/"; dir = filepath.Dir(dir) {
		args = append([]string{"--perms", "0755", "--dir", dir}, args...)
	}
	return args
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// take reads the result, and takes its trees into the store. Package code may have written
// them: the store computes their digests.
func (s *Sandbox) take(ctx context.Context, dir string, out any) (err error) {
	if err := plainFiles(filepath.Join(dir, "out")); err != nil {
		return err
	}
	data, err := files.Read(filepath.Join(dir, "out", resultFile), files.Large)
	if err != nil {
		return err
	}
	var r result
	if err := json.Unmarshal(data, &r); err != nil {
		return err
	}
	if r.Skipped != "" {
		return &pipeline.SkipError{Reason: r.Skipped}
	}
	if err := json.Unmarshal(r.Result, out); err != nil {
		return err
	}
	trees := pipeline.Trees(out)
	if len(trees) == 0 {
		return nil
	}
	from, err := store.Open(filepath.Join(dir, "out", treesDir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, from.Close()) }()
	for _, tree := range trees {
		err = errors.Join(err, store.Copy(ctx, s.Store, from, tree))
	}
	return err
}

// maxOut and maxOutFiles bound what a stage in a sandbox leaves, in bytes and files.
const (
	maxOut      = 256 << 20
	maxOutFiles = 10_000
)

// maxTail is how much is kept of what a program says, in bytes.
const maxTail = 64 << 10

// A tail keeps the end of what is written to it.
type tail []byte

// Write implements io.Writer.
func (t *tail) Write(p []byte) (int, error) {
	*t = append(*t, p[max(0, len(p)-maxTail):]...)
	if over := len(*t) - maxTail; over > 0 {
		*t = append((*t)[:0], (*t)[over:]...)
	}
	return len(p), nil
}

// plainFiles refuses a folder that holds something else than files and folders, or too
// much: package code could have written to it. Nothing runs there any more.
func plainFiles(dir string) error {
	var total int64
	count := 0
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		total += info.Size()
		if count++; !info.Mode().IsRegular() || total > maxOut || count > maxOutFiles {
			return fmt.Errorf("the stage left %s in its sandbox, which is no plain file or with the others more than %d bytes or %d files", filepath.Base(path), maxOut, maxOutFiles)
		}
		return nil
	})
}

// Passed are the variables of an environment, as os.Environ gives it, that have one of the
// names, and a value.
func Passed(environ []string, names ...string) map[string]string {
	passed := map[string]string{}
	for _, pair := range environ {
		if name, value, _ := strings.Cut(pair, "="); value != "" && slices.Contains(names, name) {
			passed[name] = value
		}
	}
	return passed
}
