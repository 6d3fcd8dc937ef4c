// Package peer is the link between the directors of a deployment: HTTP and JSON over
// TLS 1.3, in which each side proves to have the private key whose public half the
// other one's configuration has. There is no authority and no password.
//
// Every director serves the others and asks them, once a second, how they are
// ([Beat]); what else there is to know or to say is a request of its own. A request
// is small and bounded, and so is an answer. What a stranger sends comes no further
// than the handshake: the connection is closed before a byte of it is read as HTTP.
//
// The election never needs the link. Without it each director runs on its own.
package peer
