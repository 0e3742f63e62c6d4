package checkout
import ("testing";"os/exec";"path/filepath";"github.com/go-git/go-git/v5/plumbing")
func TestDbg(t *testing.T) {
	r := newRig(t)
	r.mustHaveSample(t)
	old := plumbing.NewHash(r.pin.Commit)
	_, n := r.reset()
	t.Log("first", n)
	r.pin.Commit = change(t, r.repository.Repository, r.repository, old, "added.txt", "added").String()
	if _, err := r.run(t.Context()); err != nil { t.Fatal(err) }
	_, n = r.reset()
	t.Log("second", n)
	out, _ := exec.Command("bash", "-c", "cd "+r.cache()+"; cat shallow; git fsck; git show-ref; for i in objects/pack/*.idx; do git verify-pack -v $i; done").CombinedOutput()
	t.Log(string(out))
	_ = filepath.Join
}
