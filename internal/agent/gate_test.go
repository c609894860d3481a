package agent

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestOnePersonIsAskedOneQuestionAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := make(chan Caller)
		answers := make(chan bool)
		g := newGate(func(_ context.Context, who Caller) bool {
			asked <- who
			return <-answers
		}, time.Now)
		results := make(chan bool, 2*maxWaiting)
		for n := range 2 * maxWaiting {
			go func() { results <- g.agreed(t.Context(), Caller{PID: n}) }()
		}
		synctest.Wait()
		if n := len(results); n != maxWaiting {
			t.Errorf("%d uses were refused at once, want those beyond %d", n, maxWaiting)
		}
		for range maxWaiting {
			<-results
		}
		for range maxWaiting {
			<-asked
			synctest.Wait()
			select {
			case <-asked:
				t.Fatal("a second question is open")
			default:
			}
			answers <- true
			if !<-results {
				t.Error("what was agreed to is refused")
			}
		}
	})
}

func TestWhoSaysNoAgainAndAgainIsLeftInPeace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		questions, yes := 0, false
		g := newGate(func(context.Context, Caller) bool { questions++; return yes }, time.Now)
		for range 3 * maxRefusals {
			if g.agreed(t.Context(), Caller{}) {
				t.Fatal("a refusal was taken for agreement")
			}
		}
		if questions != maxRefusals {
			t.Errorf("the person was asked %d times, want %d", questions, maxRefusals)
		}
		yes = true
		if g.agreed(t.Context(), Caller{}) {
			t.Error("the person is asked again before there was peace")
		}
		time.Sleep(quietTime)
		if !g.agreed(t.Context(), Caller{}) {
			t.Error("the person is not asked any more")
		}
		yes = false
		for range maxRefusals - 1 {
			g.agreed(t.Context(), Caller{})
		}
		yes = true
		if !g.agreed(t.Context(), Caller{}) {
			t.Error("fewer refusals are enough")
		}
	})
}

func TestNoAnswerIsNo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(func(ctx context.Context, _ Caller) bool { <-ctx.Done(); return true }, time.Now)
		began := time.Now()
		if g.agreed(t.Context(), Caller{}) {
			t.Error("an answer that came too late counts")
		}
		if waited := time.Since(began); waited != patience {
			t.Errorf("the question stood for %v, want %v", waited, patience)
		}
	})
}
