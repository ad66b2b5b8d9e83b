package main

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

func suspend(p *os.Process) error { return p.Signal(syscall.SIGSTOP) }
func resume(p *os.Process) error  { return p.Signal(syscall.SIGCONT) }

// dieWithUs has the kernel kill the child when we die: a stopped process would
// never notice.
func dieWithUs(c *exec.Cmd) { c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// peakMemory returns the most memory that a process had resident, in bytes.
func peakMemory(s *os.ProcessState) float64 {
	return float64(s.SysUsage().(*syscall.Rusage).Maxrss) * 1024
}

// tick is what the kernel counts processor time in, in seconds (USER_HZ).
const tick = 0.01

// busy returns the seconds that all cores together have been at work since the
// machine started, or were taken away by the hypervisor.
func busy() float64 {
	b, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0
	}
	line, _, _ := strings.Cut(string(b), "\n")
	total := 0.0
	for i, f := range strings.Fields(line)[1:] { // user nice system idle iowait irq softirq steal, guests are in user
		if v, _ := strconv.ParseFloat(f, 64); i < 8 && i != 3 && i != 4 {
			total += v * tick
		}
	}
	return total
}

// spent returns the processor time of a running process, in seconds.
func spent(p *os.Process) float64 {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(p.Pid) + "/stat")
	if err != nil {
		return 0
	}
	f := strings.Fields(string(b[strings.LastIndexByte(string(b), ')')+1:])) // from the third field on
	user, _ := strconv.ParseFloat(f[11], 64)
	system, _ := strconv.ParseFloat(f[12], 64)
	return (user + system) * tick
}

// cpuName returns the processor's name with what tells models of one name apart.
func cpuName() string {
	b, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown"
	}
	field := func(name string) string {
		m := regexp.MustCompile(`(?m)^` + name + `\s*:\s*(.*)$`).FindSubmatch(b)
		if m == nil {
			return "?"
		}
		return strings.TrimSpace(string(m[1]))
	}
	return field("model name") + ", family " + field("cpu family") + " model " + field("model")
}
