package ci

import (
	"bytes"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/mage-os/nightly/pipeline/files"
	"github.com/mage-os/nightly/stages/attest"
	"github.com/mage-os/nightly/stages/trust"
)

// signKeyVariable holds the signing keys, or names their file; passphraseVariable is what keys are encrypted with.
const (
	signKeyVariable    = "NIGHTLY_SIGN_KEY"
	passphraseVariable = "NIGHTLY_KEY_PASSPHRASE"
)

// signFlags say by whom a repository is signed. A key stands in a file or in the
// environment, never in an argument, which every process of the machine can read.
type signFlags struct {
	keys       []string
	trust      string
	rebuilders string
}

func (f *signFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.keys, "sign-key", nil, "file with private keys, as mageos-nightly trust init makes them (default with --trust: $"+signKeyVariable+", the keys or their file)")
	cmd.Flags().StringVar(&f.trust, "trust", "", "folder that mageos-nightly trust init wrote: what is published is signed")
	cmd.Flags().StringVar(&f.rebuilders, "rebuilders", "", "folder with the public keys of who builds snapshots again, as NAME.pub: the page tells who has (default: rebuilders in the folder of --trust)")
}

const rebuildersAdvice = "give a folder with the public keys of rebuilders, as NAME.pub"

// readRebuilders reads the public keys of the rebuilders; nil if there are none.
func (f signFlags) readRebuilders() (trust.Rebuilders, error) {
	dir := f.rebuilders
	if dir == "" && f.trust != "" {
		if _, err := os.Stat(filepath.Join(f.trust, "rebuilders")); err == nil {
			dir = filepath.Join(f.trust, "rebuilders")
		}
	}
	if dir == "" {
		return nil, nil
	}
	all, err := trust.ReadRebuilders(dir)
	if err != nil {
		return nil, unread("--rebuilders", dir, err, rebuildersAdvice)
	}
	return all, nil
}

// authority signs the repository; nil leaves it unsigned.
func (f signFlags) authority(env *factory) (*trust.Authority, error) {
	if f.trust == "" {
		if len(f.keys) > 0 {
			return nil, usagef("--sign-key signs for the repository that --trust names: give the folder of mageos-nightly trust init")
		}
		return nil, nil
	}
	keys, err := f.read(env)
	if err != nil {
		return nil, err
	}
	a, err := trust.ReadAuthority(f.trust)
	if err != nil {
		return nil, unread("--trust", f.trust, err, "make it with mageos-nightly trust init "+f.trust)
	}
	a.Keys = keys
	return a, nil
}

// read gives the keys; none where nothing says so.
func (f signFlags) read(env *factory) ([]*trust.Key, error) {
	var keys []*trust.Key
	for _, name := range f.keys {
		data, err := files.Read(name, files.Small)
		if err != nil {
			return nil, unread("--sign-key", name, err, "give a file with private keys; mageos-nightly trust init makes them")
		}
		more, err := trust.ParseKeys(data, env.passphrase)
		if err != nil {
			return nil, usagef("--sign-key %s: it %w", name, err)
		}
		keys = append(keys, more...)
	}
	value := []byte(env.getenv(signKeyVariable))
	if len(keys) > 0 || len(value) == 0 {
		return keys, nil
	}
	if !bytes.Contains(value, []byte("-----BEGIN")) {
		var err error
		if value, err = files.Read(string(value), files.Small); err != nil {
			// What is no file may be a key in another form: it is not shown.
			return nil, usagef(signKeyVariable + ": holds neither keys in PEM nor the name of a file that can be read")
		}
	}
	keys, err := trust.ParseKeys(value, env.passphrase)
	if err != nil {
		return nil, usagef("%s: it %w", signKeyVariable, err)
	}
	return keys, nil
}

// passphrase gives the passphrase of keys, from the environment or typed in.
func (env *factory) passphrase(confirm bool) ([]byte, error) {
	if word := env.getenv(passphraseVariable); word != "" || !term.IsTerminal(int(os.Stdin.Fd())) {
		return []byte(word), nil
	}
	ask := func(what string) ([]byte, error) {
		defer env.stderr.Write([]byte("\n")) //nolint:errcheck // a line's end
		_, _ = env.stderr.Write([]byte(what + ": "))
		return term.ReadPassword(int(os.Stdin.Fd()))
	}
	word, err := ask("Passphrase of the keys")
	if err != nil || !confirm {
		return word, err
	}
	again, err := ask("The same again")
	if err == nil && !bytes.Equal(word, again) {
		err = usagef("the two passphrases are not the same")
	}
	return word, err
}

// builder is who runs this: a workflow of GitHub Actions by its own variables
// (https://docs.github.com/actions/reference/variables-reference), or anybody.
func (env *factory) builder() attest.Builder {
	if env.getenv("GITHUB_ACTIONS") != "true" {
		return attest.Builder{}
	}
	server := env.getenv("GITHUB_SERVER_URL") + "/"
	return attest.Builder{
		ID:         server + env.getenv("GITHUB_WORKFLOW_REF"),
		Invocation: server + env.getenv("GITHUB_REPOSITORY") + "/actions/runs/" + env.getenv("GITHUB_RUN_ID") + "/attempts/" + env.getenv("GITHUB_RUN_ATTEMPT"),
	}
}
