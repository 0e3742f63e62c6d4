package trust

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/mage-os/nightly/releases"
)

// An Authority is who may sign what for a repository: its roots and newest targets, which are public and are kept
// where the line is, and the private keys that this run has.
type Authority struct {
	Keys    []*Key
	files   map[string][]byte // "1.root.json", "1.targets.json", …
	root    *metadata.Metadata[metadata.RootType]
	targets *metadata.Metadata[metadata.TargetsType]
}

// versioned is the name of a file of metadata, without its folder.
var versioned = regexp.MustCompile(`^([1-9][0-9]{0,8})\.([a-z0-9-]+)\.json$`)

// versionedName is the file of a version of a role.
func versionedName(version int64, role string) string {
	return fmt.Sprintf("%d.%s.json", version, role)
}

// cutVersioned is the version and the role of a file.
func cutVersioned(name string) (version int64, role string, ok bool) {
	m := versioned.FindStringSubmatch(name)
	if m == nil {
		return 0, "", false
	}
	version, err := strconv.ParseInt(m[1], 10, 64)
	return version, m[2], err == nil
}

// ParseAuthority reads an authority of its files by their names. Every root has to be signed by the one before it;
// only the newest may still want signatures, which Missing tells.
func ParseAuthority(files map[string][]byte) (*Authority, error) {
	a := &Authority{files: map[string][]byte{}}
	newest := map[string]int64{}
	for name, data := range files {
		if version, role, ok := cutVersioned(name); ok && (role == metadata.ROOT || role == metadata.TARGETS) {
			a.files[name] = data
			newest[role] = max(newest[role], version)
		}
	}
	if newest[metadata.ROOT] == 0 || newest[metadata.TARGETS] == 0 {
		return nil, errors.New("it has no root and targets; make them with mageos-nightly trust init")
	}
	var err error
	for version := int64(1); version <= newest[metadata.ROOT]; version++ {
		before := a.root
		if a.root, err = parse(metadata.Root(), a.files[versionedName(version, metadata.ROOT)]); err != nil {
			return nil, fmt.Errorf("%s: %w", versionedName(version, metadata.ROOT), err)
		}
		if before != nil && version < newest[metadata.ROOT] {
			if err := before.VerifyDelegate(metadata.ROOT, a.root); err != nil {
				return nil, fmt.Errorf("%s: %w", versionedName(version, metadata.ROOT), err)
			}
		}
	}
	name := versionedName(newest[metadata.TARGETS], metadata.TARGETS)
	if a.targets, err = parse(metadata.Targets(), a.files[name]); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if a.targets.Signed.Delegations == nil {
		return nil, fmt.Errorf("%s: it delegates nothing", name)
	}
	_, err = placeOf(a.root)
	return a, err
}

func parse[T metadata.Roles](m *metadata.Metadata[T], data []byte) (*metadata.Metadata[T], error) {
	if data == nil {
		return nil, errors.New("it is missing")
	}
	return m.FromBytes(data)
}

// placeOf gives the place of a root.
func placeOf(root *metadata.Metadata[metadata.RootType]) (p Place, err error) {
	data, err := json.Marshal(root.Signed.UnrecognizedFields[placeField])
	if err == nil {
		err = json.Unmarshal(data, &p)
	}
	if err != nil || p.URL == "" {
		return p, fmt.Errorf("root %d does not say of which repository it is", root.Signed.Version)
	}
	return p, nil
}

// Place is what the authority is for.
func (a *Authority) Place() Place { p, _ := placeOf(a.root); return p } // it was read before

// Files are the public files, by name.
func (a *Authority) Files() map[string][]byte { return maps.Clone(a.files) }

// Root is the newest root, and the name of its file.
func (a *Authority) Root() (name string, data []byte) {
	name = versionedName(a.root.Signed.Version, metadata.ROOT)
	return name, a.files[name]
}

// A Setup has the options of a new authority.
type Setup struct {
	Place
	Threshold int             // of the root keys, to sign root and targets
	Root      []*Key          // for root and targets
	Online    *Key            // for snapshot and timestamp
	Kinds     map[string]*Key // of those of releases.SnapshotDirs that are published
}

// New makes an authority, signed by the keys of its setup.
func New(s Setup, now time.Time) (*Authority, error) {
	if s.Threshold < 1 || s.Threshold > len(s.Root) {
		return nil, fmt.Errorf("a threshold of %d cannot be met by %d root keys", s.Threshold, len(s.Root))
	}
	root := metadata.Root()
	root.Signed.UnrecognizedFields = map[string]any{placeField: map[string]any{"url": s.URL, "line": s.Line}}
	for role, keys := range map[string][]*Key{metadata.ROOT: s.Root, metadata.TARGETS: s.Root, metadata.SNAPSHOT: {s.Online}, metadata.TIMESTAMP: {s.Online}} {
		root.Signed.Roles[role].Threshold = 1
		for _, key := range keys {
			if err := root.Signed.AddKey(key.Public, role); err != nil {
				return nil, err
			}
		}
	}
	root.Signed.Roles[metadata.ROOT].Threshold, root.Signed.Roles[metadata.TARGETS].Threshold = s.Threshold, s.Threshold
	targets := metadata.Targets()
	targets.Signed.Delegations = &metadata.Delegations{Keys: map[string]*metadata.Key{}, Roles: []metadata.DelegatedRole{
		{Name: RepositoryRole, Threshold: 1, Terminating: true, Paths: repositoryPaths},
	}}
	delegations := targets.Signed.Delegations
	for _, kind := range releases.SnapshotDirs() {
		key := s.Kinds[kind]
		if key == nil {
			continue
		}
		delegations.Keys[key.ID] = key.Public
		delegations.Roles[0].KeyIDs = append(delegations.Roles[0].KeyIDs, key.ID)
		delegations.Roles = append(delegations.Roles, metadata.DelegatedRole{
			Name: kind, KeyIDs: []string{key.ID}, Threshold: 1, Paths: []string{kind + "/*/*", "*/*/*"},
		})
	}
	if len(delegations.Keys) != len(s.Kinds) || len(s.Kinds) == 0 {
		return nil, fmt.Errorf("want a key for some of %q", releases.SnapshotDirs())
	}
	a := &Authority{files: map[string][]byte{}, root: root, targets: targets, Keys: s.Root}
	return a, a.seal(now)
}

// repositoryPaths are the targets of RepositoryRole.
var repositoryPaths = []string{"packages.json", "index.html", "meta/*/*", "meta/*/*/*"}

// seal gives root and targets a new expiry and signs them.
func (a *Authority) seal(now time.Time) error {
	a.root.Signed.Expires, a.targets.Signed.Expires = expiry(metadata.ROOT, now), expiry(metadata.TARGETS, now)
	a.root.ClearSignatures()
	a.targets.ClearSignatures()
	return a.Sign()
}

// Sign adds the signatures of the keys that this run has to the newest root and targets.
func (a *Authority) Sign() error {
	before := a.before()
	ids := slices.Clone(a.root.Signed.Roles[metadata.ROOT].KeyIDs)
	if before != nil {
		ids = append(ids, before.Signed.Roles[metadata.ROOT].KeyIDs...)
	}
	errRoot := sign(a.root, a.Keys, ids)
	errTargets := sign(a.targets, a.Keys, a.root.Signed.Roles[metadata.TARGETS].KeyIDs)
	if err := errors.Join(errRoot, errTargets); err != nil {
		return err
	}
	return errors.Join(put(a.files, a.root, a.root.Signed.Version, metadata.ROOT), put(a.files, a.targets, a.targets.Signed.Version, metadata.TARGETS))
}

// put writes metadata to files.
func put[T metadata.Roles](files map[string][]byte, m *metadata.Metadata[T], version int64, role string) error {
	data, err := m.ToBytes(false)
	files[versionedName(version, role)] = data
	return err
}

// before is the root before the newest one; nil if there is none.
func (a *Authority) before() *metadata.Metadata[metadata.RootType] {
	root, err := parse(metadata.Root(), a.files[versionedName(a.root.Signed.Version-1, metadata.ROOT)])
	if err != nil {
		return nil
	}
	return root
}

// sign adds a signature by each of the keys that is one of these, and has not signed yet.
func sign[T metadata.Roles](m *metadata.Metadata[T], keys []*Key, ids []string) error {
	for _, key := range keys {
		signed := slices.ContainsFunc(m.Signatures, func(s metadata.Signature) bool { return s.KeyID == key.ID })
		if signed || !slices.Contains(ids, key.ID) {
			continue
		}
		if _, err := m.Sign(key.signer); err != nil {
			return err
		}
		m.Signatures[len(m.Signatures)-1].KeyID = key.ID // go-tuf computes another: see newKey
	}
	return nil
}

// Missing names the signatures that root and targets still need; nil if they are complete.
func (a *Authority) Missing() error {
	var errs []error
	wants := func(what string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s is not signed by enough keys of %w; sign it with mageos-nightly trust sign", what, err))
		}
	}
	name, _ := a.Root()
	if before := a.before(); before != nil {
		wants(name, wrap("the root before it", before.VerifyDelegate(metadata.ROOT, a.root)))
	}
	wants(name, wrap("its own", a.root.VerifyDelegate(metadata.ROOT, a.root)))
	wants(versionedName(a.targets.Signed.Version, metadata.TARGETS), wrap("the root", a.root.VerifyDelegate(metadata.TARGETS, a.targets)))
	return errors.Join(errs...)
}

func wrap(whose string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s (%w)", whose, err)
}
