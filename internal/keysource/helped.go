package keysource

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"

	"authsome/internal/companion"
	"authsome/internal/keysource/helper"
	"authsome/vault"
)

// call asks a helper. subject is what is asked about, for people.
func (s *Set) call(
	ctx context.Context, program, operation, subject string, request helper.Request,
) (helper.Answer, error) {
	var answer helper.Answer
	sent, err := json.Marshal(request)
	if err != nil {
		return answer, err
	}
	defer clear(sent)
	out, err := s.program(ctx, []string{companion.Find(program), operation}, bytes.NewReader(sent))
	switch {
	case errors.Is(err, exec.ErrNotFound):
		return answer, unavailable(subject+" cannot be used", "put "+program+" beside authsome or on $PATH: docs/install.md says where it comes from", err)
	case err != nil:
		return answer, unavailable(subject+" cannot be used", "try again", err)
	}
	defer clear(out)
	if err := json.Unmarshal(out, &answer); err != nil {
		return answer, unavailable(subject+" cannot be used", "reinstall "+program, errors.New("the answer of "+program+" is no JSON"))
	}
	return answer, failure(subject, answer)
}

// failure is what an answer complains of.
func failure(subject string, answer helper.Answer) error {
	switch {
	case answer.Error == "":
		return nil
	case answer.Refused:
		cause := errors.New(answer.Error)
		return &Problem{
			Message: subject + " is not what the data key was encrypted with", Advice: answer.Hint, Cause: cause,
			Err: fmt.Errorf("%w: %w", vault.ErrWrongKey, cause),
		}
	case answer.Ask:
		return locked(subject+" cannot be used", unlockAdvice, errors.New(answer.Error))
	}
	return unavailable(subject+" cannot be used", answer.Hint, errors.New(answer.Error))
}
