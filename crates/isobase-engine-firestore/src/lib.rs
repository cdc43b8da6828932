//! Documents in Firestore.
