package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dingdag/dingdag/store/sqlstore/sqlrow"
)

// wakes ends what is told of a commit in which jobs were handed out.
const wakes = "!"

// pause is how long it is waited before the connection that listens is made anew.
const pause = time.Second

// These count looks for jobs, each of which is a second unless told otherwise.
const (
	// silence is how long nothing may be heard before this process tells itself something, and echo how long that may
	// take to come back. A connection may have been lost without a word, and a pooler may pass on nothing.
	silence = 15
	echo    = 5
	// deafness is how long it is waited before it is tried again to listen where nothing was heard.
	deafness = 60
)

// errDeaf is the error of a connection over which nothing is heard.
var errDeaf = errors.New("what this process tells itself does not come back")

// listen hears of the commits of other processes until ctx ends.
func (s *Store) listen(ctx context.Context, config *pgx.ConnConfig) {
	deaf := false
	for ctx.Err() == nil {
		heard, err := s.listenOnce(ctx, config)
		s.listening.Store(false)
		if ctx.Err() != nil {
			return
		}
		wait := pause
		switch {
		case heard || !errors.Is(err, errDeaf):
			deaf = false
			s.opts.Log.Warn("nothing is heard of other processes for a while; what they do is found by looking", "error", mark(err))
		case !deaf:
			deaf = true
			s.opts.Log.Warn("nothing is heard of other processes, as through PgBouncer with pool_mode = transaction; what they do is found by looking each second")
			fallthrough
		default:
			wait = deafness * s.opts.Looks
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

// listenOnce listens over one connection until it is lost, and reports whether it has heard anything.
func (s *Store) listenOnce(ctx context.Context, config *pgx.ConnConfig) (heard bool, err error) {
	limited, cancel := context.WithTimeout(ctx, s.opts.Answer)
	defer cancel()
	c, err := pgx.ConnectConfig(limited, config)
	if err != nil {
		return false, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), echo*s.opts.Looks)
		defer cancel()
		_ = c.Close(closing) // nothing was written
	}()
	if _, err := c.Exec(limited, "LISTEN "+pgx.Identifier{s.channel}.Sanitize()); err != nil {
		return false, err
	}
	for asked := false; ; {
		wait := silence * s.opts.Looks
		if !heard || asked {
			if err := s.tell(ctx); err != nil {
				return heard, err
			}
			asked, wait = true, echo*s.opts.Looks
		}
		n, err := notification(ctx, c, wait)
		switch {
		case err == nil:
			if !heard {
				heard = true
				s.listening.Store(true)
				s.hub.Wake() // there may be some from before
				s.heard.Wake()
			}
			asked = false
			s.hear(n.Payload)
		case ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded) || c.IsClosed():
			return heard, err
		case asked:
			return heard, errDeaf
		default:
			asked = true
		}
	}
}

// notification waits for one.
func notification(ctx context.Context, c *pgx.Conn, wait time.Duration) (*pgconn.Notification, error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return c.WaitForNotification(ctx)
}

// tell tells all processes something, this one too.
func (s *Store) tell(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.opts.Answer)
	defer cancel()
	_, err := s.pool.Exec(ctx, "SELECT pg_notify($1, $2)", s.channel, s.self)
	return err
}

// hear wakes those whom something told concerns.
func (s *Store) hear(told string) {
	if strings.HasPrefix(told, s.self) {
		return
	}
	if strings.HasSuffix(told, wakes) {
		s.hub.Wake()
	}
	s.heard.Wake()
}

// Watch calls noticed at once and soon after another process has committed something, until ctx ends. While it is not
// told of that, it looks each second whether anybody has written, which may be this process itself.
func (s *Store) Watch(ctx context.Context, noticed func()) error {
	told := make(chan struct{}, 1)
	s.heard.Add(told)
	defer s.heard.Remove(told)
	noticed() // of what came before
	look := time.NewTicker(s.opts.Looks)
	defer look.Stop()
	seen := ""
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-told:
			noticed()
		case <-look.C:
			if s.listening.Load() {
				continue
			}
			now, err := sqlrow.Column[string](ctx, s.conn(), "SELECT CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text)")
			if err != nil {
				continue // the next look may find more
			}
			if now[0] != seen {
				seen = now[0]
				noticed()
			}
		}
	}
}
