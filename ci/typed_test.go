package ci

import (
	"bytes"
	"os"
	"testing"
)

// A message names the program as it was typed; what machines read stays as it is.
func TestTyped(t *testing.T) {
	var out, messages bytes.Buffer
	env := &factory{stdout: &out, stderr: &messages, getenv: os.Getenv}
	env.asTyped(newRoot(env), []string{"./bin/mageos-nightly"})
	const text = "in a container: /nightly/mageos-nightly stage: mageos-nightly nightly"
	for _, write := range []func() error{
		func() error { _, err := env.stderr.Write([]byte(text)); return err },
		func() error { return writeOut(env.stdout, []byte(text)) },
		func() error { env.json = true; env.display().Event(text); return nil },
	} {
		if err := write(); err != nil {
			t.Error(err)
		}
	}
	if got := messages.String(); got != "in a container: /nightly/mageos-nightly stage: ./bin/mageos-nightly nightly" {
		t.Errorf("a message says %q", got)
	}
	if got := out.String(); got != text+"\""+text+"\"\n" {
		t.Errorf("machines read %q", got)
	}
}
