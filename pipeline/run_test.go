package pipeline_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mage-os/nightly/pipeline"
	"github.com/mage-os/nightly/pipeline/store"
)

type order struct {
	Name string `json:"name"`
}

type meal struct {
	Dish  string                   `json:"dish"`
	Trees map[string]pipeline.Tree `json:"trees"`
}

func (m meal) Summary() string { return "one " + m.Dish }

func (m meal) Noted() []string { return []string{m.Dish + " is hot"} }

// kitchen is a session with a store, which notes what it reports.
type kitchen struct {
	pipeline.Session
	store   *store.Store
	dir     string
	cooked  int
	reports []pipeline.Report
}

func newKitchen(t *testing.T) *kitchen {
	t.Helper()
	k := &kitchen{dir: t.TempDir()}
	s, err := store.Open(k.dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	k.store = s
	k.Session = pipeline.Session{Results: s.Results(), Store: s, Report: func(r pipeline.Report) { k.reports = append(k.reports, r) }}
	return k
}

// stage cooks a meal with one tree whose only file holds the order's name.
func (k *kitchen) stage() pipeline.Stage[order, meal] {
	return pipeline.Stage[order, meal]{Name: "cook", Version: 1, Run: func(ctx context.Context, in order) (meal, error) {
		k.cooked++
		digest, size, err := k.store.Add(ctx, strings.NewReader(in.Name))
		if err != nil {
			return meal{}, err
		}
		tree, err := k.store.Save(ctx, []pipeline.File{{Path: "recipe", Mode: pipeline.Regular, Size: size, Digest: digest}})
		return meal{Dish: in.Name, Trees: map[string]pipeline.Tree{"plate": tree, "none": {}}}, err
	}}
}

// run runs the stage and gives the reports of this run.
func (k *kitchen) run(t *testing.T, stage pipeline.Stage[order, meal], name string) []pipeline.Report {
	t.Helper()
	k.reports = nil
	out, err := pipeline.Run(t.Context(), &k.Session, stage, order{name})
	if err != nil {
		t.Fatal(err)
	}
	if out.Dish != name {
		t.Fatalf("got %q", out.Dish)
	}
	return k.reports
}

func wantReports(t *testing.T, got []pipeline.Report, want ...pipeline.Report) {
	t.Helper()
	for i := range want {
		if dish, ok := strings.CutPrefix(want[i].Detail, "one "); ok { // a reused one tells its notes again
			dish, _, _ = strings.Cut(dish, ";")
			want[i].Notes = []string{dish + " is hot"}
		}
	}
	want = append([]pipeline.Report{{Stage: "cook", State: pipeline.Started}}, want...)
	if diff := cmp.Diff(want, got, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("reports (-want +got):\n%s", diff)
	}
}

func TestRunReuses(t *testing.T) {
	k := newKitchen(t)
	done := pipeline.Report{Stage: "cook", State: pipeline.Done, Detail: "one soup"}
	reused := pipeline.Report{Stage: "cook", State: pipeline.Reused, Detail: "one soup"}
	wantReports(t, k.run(t, k.stage(), "soup"), done)
	wantReports(t, k.run(t, k.stage(), "soup"), reused)

	raised := k.stage()
	raised.Version++
	wantReports(t, k.run(t, raised, "soup"), done)
	always := k.stage()
	always.Always = true
	wantReports(t, k.run(t, always, "soup"), done)
	k.Fresh = true
	wantReports(t, k.run(t, k.stage(), "soup"), done)
	k.Fresh = false
	wantReports(t, k.run(t, k.stage(), "soup"), reused)
	k.Results = nil
	wantReports(t, k.run(t, k.stage(), "soup"), done)
	if k.cooked != 5 {
		t.Errorf("it ran %d times", k.cooked)
	}
}

func TestRunAgainWhenTheSavedResultDoesNotHold(t *testing.T) {
	key, err := pipeline.Key(pipeline.Stage[order, meal]{Name: "cook", Version: 1}, order{"soup"})
	if err != nil {
		t.Fatal(err)
	}
	content := string(pipeline.DigestOf([]byte("soup")))
	replace := func(path, data string) func(*testing.T, *kitchen) {
		return func(t *testing.T, k *kitchen) {
			if err := os.Remove(filepath.Join(k.dir, path)); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(k.dir, path), []byte(data), 0o444); err != nil {
				t.Fatal(err)
			}
		}
	}
	remove := func(path string) func(*testing.T, *kitchen) {
		return func(t *testing.T, k *kitchen) {
			if err := os.RemoveAll(filepath.Join(k.dir, path)); err != nil {
				t.Fatal(err)
			}
		}
	}
	segment := func(change func(path string) error) func(*testing.T, *kitchen) {
		return func(t *testing.T, k *kitchen) {
			paths, err := filepath.Glob(filepath.Join(k.dir, "segments", "*"))
			if err != nil || len(paths) != 1 {
				t.Fatal(paths, err)
			}
			if err := change(paths[0]); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		name   string
		damage func(*testing.T, *kitchen)
		why    string
	}{
		{"truncated result", replace("results/"+string(key), `{"dish":"so`), "the saved result is damaged"},
		{"empty result", replace("results/"+string(key), ""), "the saved result is damaged"},
		{"result without a new field", replace("results/"+string(key), `{"dish":"soup"}`), "another form"},
		{"no trees", func(t *testing.T, k *kitchen) {
			remove("trees")(t, k)
			if err := os.Mkdir(filepath.Join(k.dir, "trees"), 0o777); err != nil {
				t.Fatal(err)
			}
		}, "a tree of the saved result is not whole any more: tree "},
		{"content missing", segment(os.Remove), "file recipe: content " + content},
		{"contents emptied by a crash", segment(func(path string) error { return os.Truncate(path, 0) }), "file recipe: content " + content},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k := newKitchen(t)
			k.run(t, k.stage(), "soup")
			test.damage(t, k)
			reports := k.run(t, k.stage(), "soup")
			last := reports[len(reports)-1]
			if last.State != pipeline.Done || !strings.HasPrefix(last.Detail, "one soup; run again: ") || !strings.Contains(last.Detail, test.why) {
				t.Errorf("reported %+v, want it to be run again because %q", last, test.why)
			}
			wantReports(t, k.run(t, k.stage(), "soup"), pipeline.Report{Stage: "cook", State: pipeline.Reused, Detail: "one soup"})
		})
	}
}

func TestRunErrors(t *testing.T) {
	cause := errors.New("no salt")
	skip := &pipeline.SkipError{Reason: "nobody is hungry"}
	tests := []struct {
		name string
		run  func(context.Context, order) (meal, error)
		want string
		last pipeline.Report
	}{
		{"failure", func(context.Context, order) (meal, error) { return meal{}, cause }, "cook: no salt",
			pipeline.Report{Stage: "cook", State: pipeline.Failed, Err: cause}},
		{"skip", func(context.Context, order) (meal, error) { return meal{}, fmt.Errorf("guests: %w", skip) }, "cook: guests: skipped: nobody is hungry",
			pipeline.Report{Stage: "cook", State: pipeline.Skipped, Detail: "nobody is hungry"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			k := newKitchen(t)
			_, err := pipeline.Run(t.Context(), &k.Session, pipeline.Stage[order, meal]{Name: "cook", Run: test.run}, order{})
			var stage *pipeline.StageError
			if !errors.As(err, &stage) || stage.Stage != "cook" || err.Error() != test.want {
				t.Errorf("error %v, want %s", err, test.want)
			}
			wantReports(t, k.reports, test.last)
			k.run(t, k.stage(), "soup") // nothing of it was saved
		})
	}
}

func TestRunPanic(t *testing.T) {
	k := newKitchen(t)
	_, err := pipeline.Run(t.Context(), &k.Session, pipeline.Stage[order, meal]{Name: "cook", Run: func(context.Context, order) (meal, error) {
		panic("the pot boils over")
	}}, order{})
	for _, want := range []string{"cook: panic: the pot boils over", "TestRunPanic", "run_test.go"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	if last := k.reports[len(k.reports)-1]; last.State != pipeline.Failed {
		t.Errorf("reported %+v", last)
	}
}

func TestRunCanceled(t *testing.T) {
	t.Run("before", func(t *testing.T) {
		k := newKitchen(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := pipeline.Run(ctx, &k.Session, k.stage(), order{"soup"}); !errors.Is(err, context.Canceled) || k.cooked != 0 {
			t.Errorf("ran %d times, error %v", k.cooked, err)
		}
	})
	t.Run("while it runs", func(t *testing.T) {
		k := newKitchen(t)
		ctx, cancel := context.WithCancel(t.Context())
		killed := errors.New("signal: killed")
		_, err := pipeline.Run(ctx, &k.Session, pipeline.Stage[order, meal]{Name: "cook", Run: func(context.Context, order) (meal, error) {
			cancel()
			return meal{}, killed
		}}, order{})
		if !errors.Is(err, context.Canceled) || !errors.Is(err, killed) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("at the very end", func(t *testing.T) {
		k := newKitchen(t)
		ctx, cancel := context.WithCancel(t.Context())
		stage := k.stage()
		cook := stage.Run
		stage.Run = func(ctx context.Context, in order) (meal, error) {
			defer cancel()
			return cook(ctx, in)
		}
		if _, err := pipeline.Run(ctx, &k.Session, stage, order{"soup"}); err != nil {
			t.Fatal(err)
		}
		wantReports(t, k.run(t, k.stage(), "soup"), pipeline.Report{Stage: "cook", State: pipeline.Reused, Detail: "one soup"})
	})
}

func TestRunWithoutStore(t *testing.T) {
	out, err := pipeline.Run(t.Context(), &pipeline.Session{}, pipeline.Stage[order, string]{Name: "greet", Run: func(_ context.Context, in order) (string, error) {
		return "hello " + in.Name, nil
	}}, order{"cook"})
	if out != "hello cook" || err != nil {
		t.Errorf("%q, %v", out, err)
	}
}

type hidden struct {
	Shown string `json:"shown"`
	kept  string
}

type nested struct {
	List  []hidden          `json:"list"`
	Words []string          `json:"words,omitempty"`
	Raw   json.RawMessage   `json:"raw"`
	Map   map[string]hidden `json:"map"`
	Ptr   *hidden           `json:"ptr"`
	Any   any               `json:"any"`
}

func TestRoundTripNamesTheField(t *testing.T) {
	raw := json.RawMessage(`null`)
	tests := []struct {
		name string
		out  nested
		want string
	}{
		{"unexported field", nested{Raw: raw, List: []hidden{{Shown: "a"}, {Shown: "b", kept: "c"}}}, `-[^\n]*kept: +"c"`},
		{"empty slice omitted", nested{Raw: raw, Words: []string{}}, `-\s+Words: +\[\]string{}`},
		{"spaces in raw JSON", nested{Raw: json.RawMessage(`[1, 2]`)}, `Raw: `},
		{"in a map", nested{Raw: raw, Map: map[string]hidden{"x": {kept: "k"}}}, `Map: (.|\n)*kept: +"k"`},
		{"behind a pointer", nested{Raw: raw, Ptr: &hidden{kept: "k"}}, `Ptr: (.|\n)*kept: +"k"`},
		{"number in an interface", nested{Raw: raw, Any: 1}, `Any: (.|\n)*int\(1\)`},
		{"not UTF-8", nested{Raw: raw, Words: []string{"a\xff"}}, `Words: (.|\n)*"a\\xff"`},
		{"no JSON at all", nested{Raw: raw, Any: func() {}}, "write pipeline_test.nested as JSON"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := pipeline.Run(t.Context(), &pipeline.Session{}, pipeline.Stage[order, nested]{Name: "cook", Run: func(context.Context, order) (nested, error) {
				return test.out, nil
			}}, order{})
			want := regexp.MustCompile(test.want)
			if err == nil || !want.MatchString(plain(err)) {
				t.Errorf("result: error %v, want one that matches %s", err, want)
			}
			if _, err := pipeline.Key(pipeline.Stage[nested, string]{Name: "cook"}, test.out); err == nil || !want.MatchString(plain(err)) {
				t.Errorf("input: error %v, want one that matches %s", err, want)
			}
		})
	}
}

// plain is an error without the spaces by which go-cmp forbids to compare its text.
func plain(err error) string { return strings.ReplaceAll(err.Error(), "\u00a0", " ") }

func TestKey(t *testing.T) {
	stage := func(name string, version int) pipeline.Stage[order, meal] {
		return pipeline.Stage[order, meal]{Name: name, Version: version}
	}
	// The key of today, so that a change of how it is made does not go unnoticed.
	key, err := pipeline.Key(stage("cook", 1), order{"soup"})
	if want := pipeline.DigestOf([]byte("cook\x001\x00" + `{"name":"soup"}`)); key != want || err != nil {
		t.Errorf("key %s, %v, want %s", key, err, want)
	}
	seen := map[pipeline.Digest]bool{key: true}
	for _, s := range []pipeline.Stage[order, meal]{stage("cook", 2), stage("cook", 11), stage("cook1", 1), stage("fry", 1)} {
		key, err := pipeline.Key(s, order{"soup"})
		if err != nil || seen[key] {
			t.Errorf("%s %d: key %s seen before, or %v", s.Name, s.Version, key, err)
		}
		seen[key] = true
	}
	for _, name := range []string{"", "a\x00b"} {
		if _, err := pipeline.Key(stage(name, 1), order{}); err == nil {
			t.Errorf("stage name %q is accepted", name)
		}
	}
}
