package accounts

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"sync"
	"time"

	"github.com/dingdag/dingdag/store/users"
)

// How long, and of how many, it is known that a password was right: programs send theirs with every request.
const (
	provenTime = 5 * time.Minute
	provenKeys = 1000
)

// proof is a password that was right, of a user at an address.
type proof struct {
	user string
	mac  [sha256.Size]byte
}

// proven remembers which passwords were right, and from where, by a MAC with a key of this process. The hash that is stored is
// part of it: a new password, and a new salt, make it another one.
type proven struct {
	clock func() time.Time
	key   []byte
	mu    sync.Mutex
	until map[proof]time.Time
}

func newProven(clock func() time.Time) *proven {
	p := &proven{clock: clock, key: make([]byte, sha256.Size), until: map[proof]time.Time{}}
	_, _ = rand.Read(p.key) // it never fails
	return p
}

func (p *proven) proof(u *users.User, password, address string) proof {
	of := proof{user: u.Name}
	h := hmac.New(sha256.New, p.key)
	h.Write([]byte(u.Password + "\x00" + u.Name + "\x00" + network(address) + "\x00" + password)) // only the password may have a zero
	h.Sum(of.mac[:0])
	return of
}

// forget has the passwords of a user hashed again: somebody may be guessing them.
func (p *proven) forget(u *users.User) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for k := range p.until {
		if k.user == u.Name {
			delete(p.until, k)
		}
	}
}

func (p *proven) has(u *users.User, password, address string) bool {
	sum := p.proof(u, password, address)
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.clock().Before(p.until[sum])
}

func (p *proven) add(u *users.User, password, address string) {
	sum, now := p.proof(u, password, address), p.clock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.until) >= provenKeys {
		for k, until := range p.until {
			if !now.Before(until) {
				delete(p.until, k)
			}
		}
		if len(p.until) >= provenKeys {
			clear(p.until)
		}
	}
	p.until[sum] = now.Add(provenTime)
}
