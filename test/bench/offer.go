package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-hq/signalbox/domain/access"
)

// offerCommand runs this program as a client that offers a constant load, which a measuring
// process starts, so that the two do not wait for each other.
const offerCommand = "offer"

// offer is an open load: requests begin at a constant rate, whether or not earlier ones have
// been answered.
type offer struct {
	Address     string `json:"address"`
	PerSecond   int    `json:"per_second"`
	Connections int    `json:"connections"`
	Path        string `json:"path"`
	// Key is the key of each request. Without one, each has another key that is wrong, and
	// connections come from many addresses.
	Key string `json:"key"`
	// Within is the time from its beginning in which a response has to be there to count as
	// good.
	Within time.Duration `json:"within"`
}

// offered is what became of a load.
type offered struct {
	// Statuses counts responses by status, Good those with 200 in time.
	Statuses map[int]int64 `json:"statuses"`
	Good     int64         `json:"good"`
	// Unsent are requests for which no connection was free.
	Unsent int64         `json:"unsent"`
	Took   time.Duration `json:"took"`
}

// sent returns the number of responses.
func (o offered) sent() (n int64) {
	for _, count := range o.Statuses {
		n += count
	}
	return n
}

// String says what was offered, for notes.
func (o offered) String() string {
	return fmt.Sprintf("%.0f/s answered (%v), %d unsent", float64(o.sent())/o.Took.Seconds(), o.Statuses, o.Unsent)
}

// offerTo offers the load that its input describes until the input ends, and prints what
// became of it. It prints an empty line when it begins.
func offerTo(ctx context.Context, in io.Reader, out io.Writer) error {
	var o offer
	decoder := json.NewDecoder(in)
	if err := decoder.Decode(&o); err != nil {
		return fmt.Errorf("read the load: %w", err)
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		_, _ = io.Copy(io.Discard, in)
		stop()
	}()
	result, err := o.run(ctx, func() { _, _ = fmt.Fprintln(out) })
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(result)
}

// run offers the load until ctx ends. It calls begun when all connections are open.
func (o offer) run(ctx context.Context, begun func()) (offered, error) {
	arrivals := make(chan time.Time, o.Connections)
	group, working := errgroup.WithContext(context.WithoutCancel(ctx))
	var mu sync.Mutex
	total := offered{Statuses: map[int]int64{}}
	var open sync.WaitGroup
	open.Add(o.Connections)
	for n := range o.Connections {
		group.Go(func() error {
			s := sender{offer: o, number: n}
			err := s.dial(working)
			open.Done()
			if err != nil {
				return err
			}
			defer s.client.close()
			err = s.serve(arrivals)
			mu.Lock()
			defer mu.Unlock()
			total.Good += s.good
			for status, count := range s.statuses {
				total.Statuses[status] += count
			}
			return err
		})
	}
	open.Wait()
	begun()
	began := time.Now()
	unsent := o.pace(ctx, working, arrivals)
	took := time.Since(began)
	close(arrivals)
	err := group.Wait()
	total.Unsent, total.Took = unsent, took
	return total, err
}

// pace begins requests at the rate until ctx or working ends, and returns how many found no
// free connection.
func (o offer) pace(ctx, working context.Context, arrivals chan<- time.Time) (unsent int64) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	began, done := time.Now(), 0
	for {
		select {
		case <-ctx.Done():
			return unsent
		case <-working.Done():
			return unsent
		case now := <-tick.C:
			for due := int(now.Sub(began).Seconds() * float64(o.PerSecond)); done < due; done++ {
				select {
				case arrivals <- now:
				default:
					unsent++
				}
			}
		}
	}
}

// sender sends requests of a load over one connection.
type sender struct {
	offer

	number   int
	client   *client
	statuses map[int]int64
	good     int64
}

// dial connects, from an address of its own where keys are wrong.
func (s *sender) dial(ctx context.Context) (err error) {
	if s.Key != "" {
		s.client, err = dial(ctx, s.Address)
		return err
	}
	const addresses = 250
	from := &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(2+s.number%addresses))}
	s.client, err = dialFrom(ctx, from, s.Address)
	return err
}

// serve sends a request for each arrival.
func (s *sender) serve(arrivals <-chan time.Time) error {
	s.statuses = map[int]int64{}
	same := race{method: http.MethodGet, path: s.Path}.request(s.Key, nil)
	for at := range arrivals {
		request := same
		if s.Key == "" {
			request = race{method: http.MethodGet, path: s.Path}.request(wrongKey(), nil)
		}
		status, err := s.client.roundTrip(request)
		if err != nil {
			return err
		}
		s.statuses[status]++
		if status == http.StatusOK && time.Since(at) <= s.Within {
			s.good++
		}
	}
	return nil
}

// wrongKey returns a well-formed key that nobody has.
func wrongKey() string {
	id := rand.Text()[:access.KeyIDLength]
	token, err := access.NewToken(id, strings.Repeat("x", access.SecretLength))
	if err != nil {
		panic("a wrong key is not well-formed: " + err.Error())
	}
	return token.Text().Reveal()
}

// complete returns nil if the load was offered as planned, else that this machine cannot.
func (o offer) complete(result offered) error {
	const tolerated = 0.1
	if planned := float64(o.PerSecond) * result.Took.Seconds(); float64(result.Unsent) > tolerated*planned {
		return &missingError{fmt.Sprintf("this machine cannot offer %d/s: %s", o.PerSecond, result)}
	}
	return nil
}

// beside measures while another process offers a load, and returns what became of that.
func (b *bench) beside(ctx context.Context, o offer, measure func() error) (offered, error) {
	cmd := b.offering(ctx)
	in, err := cmd.StdinPipe()
	if err != nil {
		return offered{}, fmt.Errorf("start the client: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return offered{}, fmt.Errorf("start the client: %w", err)
	}
	p, err := b.launch(cmd)
	if err != nil {
		return offered{}, err
	}
	defer p.kill()
	if err := json.NewEncoder(in).Encode(o); err != nil {
		return offered{}, fmt.Errorf("start the client: %w", err)
	}
	var first [1]byte
	if _, err := io.ReadFull(out, first[:]); err != nil {
		return offered{}, fmt.Errorf("start the client: %w", err)
	}
	if err := measure(); err != nil {
		return offered{}, err
	}
	if err := in.Close(); err != nil {
		return offered{}, fmt.Errorf("stop the client: %w", err)
	}
	var result offered
	if err := json.NewDecoder(out).Decode(&result); err != nil {
		return offered{}, fmt.Errorf("read what was offered: %w", err)
	}
	return result, o.complete(result)
}
