// Package redact keeps secrets from coming back: it covers them in what streams by.
//
// [New] makes a [Set] of the forms in which secrets can appear, [Forms] and [FormsOf] list those, and a [Reader] covers
// them in a stream, however the stream is cut into pieces. [Members] covers the values of named members in JSON and
// elements in XML, for answers that bring new secrets.
//
// What is covered is overwritten byte by byte with a filler, so that nothing changes its length: Content-Length, ranges,
// the frames of a WebSocket and the messages of gRPC stay what they were, and JSON and HTML stay well-formed. Digests
// of a body, such as Content-MD5, no longer match where something was covered.
//
// What it promises:
//
//   - No form is in what leaves. A form is recognised across the borders of reads, and before the end of a stream that
//     breaks off.
//   - What cannot be the beginning of a form leaves at once; never more than the longest form is held back.
//   - A stream in which there is nothing to cover passes byte for byte, unless it ends within a secret.
//
// It recognises a secret as it is and in the forms that programs commonly write: not one that was encrypted, compressed,
// reversed or cut up on purpose.
package redact
