// Command stage is a program of small stages for the tests of package container:
// in a container it takes the place of this project's own program.
package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/container"
	"github.com/mage-os/nightly/pipeline/container/testdata/stage/kinds"
	"github.com/mage-os/nightly/pipeline/store"
)

type folders []string

func (f *folders) String() string     { return strings.Join(*f, ",") }
func (f *folders) Set(s string) error { *f = append(*f, s); return nil }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if os.Args[1] == "listen" {
		listen(os.Args[2])
	}
	if err := run(ctx, os.Args[2], os.Args[3:]); err != nil {
		container.SendProblems(os.Stdout, strings.Split(err.Error(), "\n"))
		fmt.Fprintln(os.Stderr, container.ErrorPrefix+err.Error())
		os.Exit(3)
	}
}

func run(ctx context.Context, name string, args []string) error {
	var task container.Task
	var places folders
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.StringVar(&task.Input, "input", "", "")
	flags.StringVar(&task.Out, "out", "", "")
	cache := flags.String("store", "", "")
	flags.Bool("prune", false, "")
	flags.Var(&places, "trees", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	cached, err := store.Open(*cache)
	if err != nil {
		return err
	}
	defer cached.Close()
	trees, err := store.OpenOver(cached, places...)
	if err != nil {
		return err
	}
	defer trees.Close()
	progress, log := container.Events(os.Stdout, func() bool { return true })
	s := stage{trees, progress, log}
	runs := map[string]func(context.Context, kinds.In) (kinds.Out, error){
		"test-make": s.make, "test-join": s.join, "test-random": s.random, "test-fail": s.fail, "test-skip": s.skip,
		"test-secret": s.secret, "test-wait": s.wait, "test-tell": s.tell, "test-read": s.read,
		"test-ask": s.ask,
	}
	return container.Serve(ctx, pipeline.Stage[kinds.In, kinds.Out]{Name: name, Version: 1, Run: runs[name]}, trees, task)
}

type stage struct {
	store    pipeline.Store
	progress pipeline.Progress
	log      *slog.Logger
}

// make makes a tree of the given texts.
func (s stage) make(ctx context.Context, in kinds.In) (kinds.Out, error) {
	var files []pipeline.File
	for _, path := range slices.Sorted(maps.Keys(in.Texts)) {
		d, size, err := s.store.Add(ctx, strings.NewReader(in.Texts[path]))
		if err != nil {
			return kinds.Out{}, err
		}
		files = append(files, pipeline.File{Path: path, Mode: pipeline.Regular, Size: size, Digest: d})
	}
	tree, err := s.store.Save(ctx, files)
	return kinds.Out{Tree: tree}, err
}

// join makes one tree of several.
func (s stage) join(ctx context.Context, in kinds.In) (kinds.Out, error) {
	var all []pipeline.File
	for i, tree := range in.Trees {
		files, err := s.store.Files(ctx, tree)
		if err != nil {
			return kinds.Out{}, err
		}
		for _, f := range files {
			f.Path = fmt.Sprintf("%d/%s", i, f.Path)
			all = append(all, f)
		}
	}
	tree, err := s.store.Save(ctx, all)
	return kinds.Out{Tree: tree}, err
}

func (s stage) random(context.Context, kinds.In) (kinds.Out, error) {
	return kinds.Out{Text: rand.Text()}, nil
}

func (s stage) fail(context.Context, kinds.In) (kinds.Out, error) {
	return kinds.Out{}, errors.Join(errors.New("the first problem"), errors.New("the second one"))
}

func (s stage) skip(context.Context, kinds.In) (kinds.Out, error) {
	return kinds.Out{}, &pipeline.SkipError{Reason: "nothing new"}
}

// secret gives the secrets reversed, so that nobody masks them, and says them to
// the log as they are.
func (s stage) secret(context.Context, kinds.In) (kinds.Out, error) {
	file, err := os.ReadFile(os.Getenv("TEST_KEY"))
	if err != nil {
		return kinds.Out{}, err
	}
	token := os.Getenv("TEST_TOKEN")
	fmt.Fprintln(os.Stderr, "said by mistake:", token, string(file))
	text := []byte(token + " " + string(file))
	slices.Reverse(text)
	return kinds.Out{Text: base64.StdEncoding.EncodeToString(text)}, nil
}

// wait waits to be ended.
func (s stage) wait(ctx context.Context, in kinds.In) (kinds.Out, error) {
	s.progress(pipeline.Step{Stage: "test-wait", Item: in.Text, Done: 1, Total: 2})
	<-ctx.Done()
	return kinds.Out{}, ctx.Err()
}

func (s stage) tell(_ context.Context, in kinds.In) (kinds.Out, error) {
	s.progress(pipeline.Step{Stage: "test-tell", Item: "a \"quoted\" | item", Done: 3, Total: 7, Unit: "items"})
	s.log.Warn("look here", slog.String("package", "acme/one"), slog.Int("times", 2))
	return kinds.Out{Text: in.Text}, nil
}

// listen is a service that answers with the value of a variable.
func listen(address string) {
	err := http.ListenAndServe(address, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, os.Getenv("ANSWER"))
	}))
	fmt.Fprintln(os.Stderr, err)
	os.Exit(4)
}

// ask asks the service whose address a variable has.
func (s stage) ask(ctx context.Context, in kinds.In) (kinds.Out, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, os.Getenv("TEST_SERVICE"), nil)
	if err != nil {
		return kinds.Out{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return kinds.Out{}, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	return kinds.Out{Text: in.Text + string(data)}, err
}

// read reads a file of the container.
func (s stage) read(_ context.Context, in kinds.In) (kinds.Out, error) {
	data, err := os.ReadFile(in.Text)
	return kinds.Out{Text: string(data)}, err
}
