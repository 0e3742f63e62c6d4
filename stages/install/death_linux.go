package install

import (
	"os/exec"
	"syscall"
)

// dieWithUs has the kernel send a signal to a command when the thread that
// started it ends: prctl(2), PR_SET_PDEATHSIG. It holds also when this program is
// killed.
func dieWithUs(cmd *exec.Cmd, signal syscall.Signal) { cmd.SysProcAttr.Pdeathsig = signal }
