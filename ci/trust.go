package ci

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/mage-os/nightly/releases/lines"
	"github.com/mage-os/nightly/stages"
	"github.com/mage-os/nightly/stages/trust"
)

func newTrust(env *factory) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "trust",
		Short: "Say whose keys a repository is signed by: make, change and revoke them",
		Long: `trust keeps a folder with the root and targets metadata of The Update Framework, which
say whose keys count for a repository. The folder is public: it lies beside the line.
Its newest root.json is what shops and mageos-nightly verify --root are given once.

Root keys sign nothing else, and belong on no machine that publishes. A kind of
snapshots has a key of its own, and timestamp.key signs what is current.

Keys are encrypted with $` + passphraseVariable + `, or with what is typed in.`,
	}
	cmd.AddCommand(newTrustInit(env), newTrustSign(env), newTrustRotate(env), newTrustRevoke(env), newTrustStatus(env))
	return cmd
}

// trustFlags are the flags of the commands of trust.
type trustFlags struct {
	line, url, keys string
	key             string // file of a key that is there already
	kinds, gone     []string
	roots, enough   int
	sign            signFlags
	word            []byte // that new keys are encrypted with
}

func (f *trustFlags) addKeys(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.sign.keys, "sign-key", nil, "file with a root key (default $"+signKeyVariable+")")
}

func newTrustInit(env *factory) *cobra.Command {
	var f trustFlags
	cmd := &cobra.Command{
		Use:     "init FOLDER",
		Short:   "Make the keys of a repository, and what says that they count",
		Example: `  mageos-nightly trust init trust/nightly --line nightly --publishes nights --keys ~/keys --root-keys 3 --threshold 2`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if _, err := trust.ReadAuthority(args[0]); err == nil {
				return usagef("%s is there already; change it with mageos-nightly trust rotate", args[0])
			}
			l, err := lines.Load(f.line)
			if err != nil {
				return err
			}
			s := trust.Setup{Place: trust.Place{Line: l.Name}, Threshold: f.enough, Kinds: map[string]*trust.Key{}}
			if s.URL, err = stages.BaseURL(cmp.Or(f.url, l.URL)); err != nil {
				return err
			}
			for i := range f.roots {
				key, err := f.makeKey(env, fmt.Sprintf("root-%d", i+1))
				if err != nil {
					return err
				}
				s.Root = append(s.Root, key)
			}
			if s.Online, err = f.makeKey(env, trust.OnlineRole); err != nil {
				return err
			}
			for _, kind := range f.kinds {
				if s.Kinds[kind], err = f.makeKey(env, kind); err != nil {
					return err
				}
			}
			a, err := trust.New(s, env.now())
			if err != nil {
				return usagef("%w", err)
			}
			return saveTrust(env, a, args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.line, "line", "nightly", "release line that the repository publishes")
	flags.StringVar(&f.url, "url", "", "base URL of the repository (default: the line's)")
	flags.StringSliceVar(&f.kinds, "publishes", []string{"nights"}, "what the repository has: nights, releases, mirror, adopted")
	flags.StringVar(&f.keys, "keys", "keys", "folder that private keys are written to")
	flags.IntVar(&f.roots, "root-keys", 3, "how many root keys there are")
	flags.IntVar(&f.enough, "threshold", 2, "how many of them have to sign")
	return cmd
}

// makeKey makes a private key and writes it.
func (f *trustFlags) makeKey(env *factory, name string) (key *trust.Key, err error) {
	if f.word == nil { // asked for once, for all keys
		if f.word, err = env.passphrase(true); err != nil {
			return nil, err
		}
	}
	key, text, err := trust.GenerateKey(rand.Reader, func(bool) ([]byte, error) { return f.word, nil })
	if err != nil {
		return nil, err
	}
	file := filepath.Join(f.keys, name+".key")
	if err := trust.SaveKey(file, text); err != nil {
		return nil, usagef("%w", err)
	}
	advice := "keep it to yourself"
	if len(f.word) == 0 {
		advice += "; it is not encrypted: $" + passphraseVariable + " is empty"
	}
	fmt.Fprintf(env.stdout, "private key  %s  %.12s (%s)\n", file, key.ID, advice)
	return key, nil
}

// newKey is the key of --key, or a new one.
func (f *trustFlags) newKey(env *factory, name string) (*trust.Key, error) {
	if f.key == "" {
		return f.makeKey(env, name)
	}
	keys, err := signFlags{keys: []string{f.key}}.read(env)
	if err == nil && len(keys) != 1 {
		err = usagef("--key %s: it has %d keys, want one", f.key, len(keys))
	}
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

// saveTrust writes an authority, and says what it still wants.
func saveTrust(env *factory, a *trust.Authority, dir string) error {
	if err := a.Save(dir); err != nil {
		return err
	}
	name, _ := a.Root()
	fmt.Fprintf(env.stdout, "root         %s\n", filepath.Join(dir, name))
	if err := a.Missing(); err != nil {
		fmt.Fprintln(env.stderr, err)
	}
	return nil
}

// change changes an authority with the keys that are given.
func (f trustFlags) change(env *factory, dir string, do func(*trust.Authority) error) error {
	a, err := trust.ReadAuthority(dir)
	if err != nil {
		return usagef("%w", err)
	}
	if a.Keys, err = f.sign.read(env); err != nil {
		return err
	}
	if err := do(a); err != nil {
		return usagef("%w", err)
	}
	return saveTrust(env, a, dir)
}

func newTrustSign(env *factory) *cobra.Command {
	var f trustFlags
	cmd := &cobra.Command{
		Use:     "sign FOLDER",
		Short:   "Add a signature to the newest root and targets: what each of several people does",
		Example: `  mageos-nightly trust sign trust/nightly --sign-key root-2.key`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return f.change(env, args[0], (*trust.Authority).Sign)
		},
	}
	f.addKeys(cmd)
	return cmd
}

func newTrustRotate(env *factory) *cobra.Command {
	var f trustFlags
	cmd := &cobra.Command{
		Use:   "rotate FOLDER [ROLE]",
		Short: "Give a role a new key in the place of its old ones; without a role only a new expiry",
		Long: `rotate makes the next root and targets. The role is timestamp, a kind of snapshots, or
root with --old: the key that the new one replaces. What is published then is signed
anew once: mageos-nightly publish --sign-anew.`,
		Example: `  mageos-nightly trust rotate trust/nightly nights --sign-key root-1.key --sign-key root-2.key --keys new
  mageos-nightly trust rotate trust/nightly root --old 5f0e91 --sign-key root-1.key --sign-key root-2.key --keys new`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(_ *cobra.Command, args []string) error {
			return f.change(env, args[0], func(a *trust.Authority) (err error) {
				if len(args) == 1 {
					return a.Rotate(nil, "", nil, env.now())
				}
				role := args[1]
				gone := a.KeysOf(role)
				if role == trust.RootRole {
					if gone, err = fullIDs(a, f.gone); err != nil {
						return err
					}
				}
				if len(gone) == 0 {
					return fmt.Errorf("nothing to replace in %s: give a role of mageos-nightly trust status, and for root --old", role)
				}
				add, err := f.newKey(env, role)
				if err != nil {
					return err
				}
				a.Keys = append(a.Keys, add)
				return a.Rotate(gone, role, add, env.now())
			})
		},
	}
	f.addKeys(cmd)
	cmd.Flags().StringVar(&f.keys, "keys", "keys", "folder that the new private key is written to")
	cmd.Flags().StringVar(&f.key, "key", "", "file with the new key, as of a hardware token (default: one is made)")
	cmd.Flags().StringArrayVar(&f.gone, "old", nil, "beginning of the id of the root key that is replaced")
	return cmd
}

func newTrustRevoke(env *factory) *cobra.Command {
	var f trustFlags
	cmd := &cobra.Command{
		Use:     "revoke FOLDER KEY…",
		Short:   "Let a key count no longer, where enough others are left",
		Example: `  mageos-nightly trust revoke trust/nightly 5f0e91 --sign-key root-1.key --sign-key root-2.key`,
		Args:    cobra.MinimumNArgs(2),
		RunE: func(_ *cobra.Command, args []string) error {
			return f.change(env, args[0], func(a *trust.Authority) error {
				gone, err := fullIDs(a, args[1:])
				if err != nil {
					return err
				}
				return a.Rotate(gone, "", nil, env.now())
			})
		},
	}
	f.addKeys(cmd)
	return cmd
}

// fullIDs are the ids of keys that begin with these texts.
func fullIDs(a *trust.Authority, begins []string) ([]string, error) {
	var all []string
	for _, s := range a.Status() {
		all = append(all, s.Keys...)
	}
	slices.Sort(all)
	all = slices.Compact(all)
	ids := make([]string, len(begins))
	for i, begin := range begins {
		for _, id := range all {
			if !strings.HasPrefix(id, begin) {
				continue
			}
			if ids[i] != "" {
				return nil, fmt.Errorf("%s begins the ids of two keys: give more of it", begin)
			}
			ids[i] = id
		}
		if ids[i] == "" {
			return nil, fmt.Errorf("no role has a key %s", begin)
		}
	}
	return ids, nil
}

func newTrustStatus(env *factory) *cobra.Command {
	return &cobra.Command{
		Use:     "status FOLDER",
		Short:   "Say who may sign what, and until when root and targets count",
		Example: `  mageos-nightly trust status trust/nightly`,
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			a, err := trust.ReadAuthority(args[0])
			if err != nil {
				return usagef("%w", err)
			}
			fmt.Fprintf(env.stderr, "line %s at %s\n", a.Place().Line, a.Place().URL)
			if err := printRoles(env, a.Status()); err != nil {
				return err
			}
			if err := a.Missing(); err != nil {
				return usagef("%w", err)
			}
			return nil
		},
	}
}

// printRoles shows who may sign what.
func printRoles(env *factory, roles []trust.RoleStatus) error {
	if env.json {
		data, err := json.Marshal(roles)
		if err != nil {
			return err
		}
		return writeOut(env.stdout, append(data, '\n'))
	}
	for _, r := range roles {
		keys := make([]string, len(r.Keys))
		for i, id := range r.Keys {
			keys[i] = id[:min(12, len(id))]
		}
		expires := ""
		if r.Version > 0 {
			expires = fmt.Sprintf("  version %d, until %s", r.Version, r.Expires.Format(time.RFC3339))
		}
		fmt.Fprintf(env.stdout, "%-11s %d of %s%s\n", r.Role, r.Threshold, strings.Join(keys, " "), expires)
		if why := r.Ends(env.now()); why != "" {
			fmt.Fprintln(env.stderr, why)
		}
	}
	return nil
}
