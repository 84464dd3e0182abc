package store

// Pool bounds how many slots the queued and running instances of its tasks take, over
// all DAGs.
type Pool struct {
	Name        string
	Slots       int // negative: no bound
	Description string
}
