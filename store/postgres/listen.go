package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// wakes ends what is told of a commit in which jobs were handed out.
const wakes = "!"

// pause is how long it is waited before the connection that listens is made anew, and how often it is looked for what
// others did while there is none.
const pause = time.Second

// listen hears of the commits of other processes until ctx ends.
func (s *Store) listen(ctx context.Context, config *pgx.ConnConfig) {
	for ctx.Err() == nil {
		err := s.listenOnce(ctx, config)
		s.listening.Store(false)
		if ctx.Err() != nil {
			return
		}
		s.opts.Log.Warn("nothing is heard of other processes for a while; what they do is found by looking", "error", mark(err))
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (s *Store) listenOnce(ctx context.Context, config *pgx.ConnConfig) error {
	c, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer c.Close(context.WithoutCancel(ctx)) //nolint:errcheck // nothing was written
	if _, err := c.Exec(ctx, "LISTEN "+pgx.Identifier{s.channel}.Sanitize()); err != nil {
		return err
	}
	s.listening.Store(true)
	s.hub.Wake() // there may be some from before
	s.heard.Wake()
	for {
		n, err := c.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		if strings.HasPrefix(n.Payload, s.self) {
			continue
		}
		if strings.HasSuffix(n.Payload, wakes) {
			s.hub.Wake()
		}
		s.heard.Wake()
	}
}

// Watch calls noticed at once and soon after another process has committed something, until ctx ends. While it cannot be
// told of that, it looks each second whether anybody has, this process as well.
func (s *Store) Watch(ctx context.Context, noticed func()) error {
	told := make(chan struct{}, 1)
	s.heard.Add(told)
	defer s.heard.Remove(told)
	noticed() // of what came before
	look := time.NewTicker(pause)
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
			var now string
			err := s.pool.QueryRow(ctx, "SELECT CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text)").Scan(&now)
			if err != nil {
				continue // the next look may find more
			}
			if now != seen {
				seen = now
				noticed()
			}
		}
	}
}
