package replicas

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-go/gatehouse/internal/soak"
)

// process is a replica that can be killed and started again: its listener is the
// test's, so that whoever comes meanwhile waits.
type process struct {
	testing.TB
	orders  orders
	url     string
	file    *os.File // the listener's
	log     *soak.Tail
	errors  *soak.Tail
	command *exec.Cmd
	input   interface{ Close() error }
	starts  int
}

// newProcess listens, and starts nothing yet.
func newProcess(t testing.TB, log *soak.Tail) *process {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	file, err := listener.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	return &process{TB: t, url: "http://" + listener.Addr().String(), file: file, log: log, errors: &soak.Tail{}}
}

// start starts it, under a name that no process had before.
func (p *process) start() {
	p.Helper()
	p.starts++
	o := p.orders
	o.Name = fmt.Sprintf("%s.%d", o.Name, p.starts)
	o.Seed += uint64(p.starts)
	told, err := json.Marshal(o)
	if err != nil {
		p.Fatal(err)
	}
	p.command = exec.Command(os.Args[0])
	p.command.Env = append(os.Environ(), replicaEnv+"="+string(told))
	p.command.ExtraFiles = []*os.File{p.file}
	p.command.Stdout, p.command.Stderr = p.log, p.errors
	if p.input, err = p.command.StdinPipe(); err != nil {
		p.Fatal(err)
	}
	if err := p.command.Start(); err != nil {
		p.Fatal(err)
	}
}

func (p *process) name() string { return fmt.Sprintf("%s.%d", p.orders.Name, p.starts) }

func (p *process) signal(s syscall.Signal) {
	p.Helper()
	if err := p.command.Process.Signal(s); err != nil {
		p.Errorf("%s: %v", p.name(), err)
	}
}

func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	_ = p.command.Wait()
	p.command = nil
}

// end lets it end by itself, which it does without an error, and not because of a
// data race.
func (p *process) end() {
	if p.command == nil {
		return
	}
	_ = p.input.Close()
	hung := time.AfterFunc(time.Minute, func() { _ = p.command.Process.Kill() })
	defer hung.Stop()
	if err := p.command.Wait(); err != nil {
		p.Errorf("%s: %v", p.name(), err)
	}
	p.command = nil
}

// asked gets a page that is the test's business, and returns its status.
func (p *process) asked(path string, into any) int {
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 2 * time.Minute}
	res, err := client.Get(p.url + path)
	if err != nil {
		return 0
	}
	defer res.Body.Close()
	if into != nil {
		_ = json.NewDecoder(res.Body).Decode(into)
	}
	return res.StatusCode
}

// ready waits until it can be used.
func (p *process) ready() {
	p.Helper()
	for deadline := time.Now().Add(2 * time.Minute); p.asked("/-/ready", nil) != http.StatusOK; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			p.Fatalf("%s isn't ready:\n%s", p.name(), p.errors.About(""))
		}
	}
}

func (p *process) left(before soak.Left) (left soak.Left) {
	p.Helper()
	if status := p.asked(fmt.Sprint("/-/left?before=", before.Goroutines), &left); status != http.StatusOK {
		p.Errorf("%s doesn't say what it has in use: %d", p.name(), status)
	}
	return left
}

// outages remembers when a replica couldn't answer.
type outages struct {
	mu    sync.Mutex
	now   int
	ended time.Time
}

func (o *outages) begin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now++
}

func (o *outages) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now--
	o.ended = time.Now()
}

// since reports whether there was one after that moment.
func (o *outages) since(moment time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now > 0 || o.ended.After(moment)
}
