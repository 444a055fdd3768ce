"""Everybody reads and writes their own items."""

import os
from uuid import UUID

import jwt
from flask import Flask, abort, g, jsonify, request
from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session, joinedload, selectinload

from models import Item, engine

SECRET = os.environ["JWT_SECRET"]
app = Flask(__name__)


@app.before_request
def authenticate():
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    try:
        if kind.lower() != "bearer":
            abort(401)
        claims = jwt.decode(token, SECRET, algorithms=["HS256"], audience="authenticated")
        g.user = UUID(claims["sub"])
    except (jwt.InvalidTokenError, KeyError, ValueError):
        abort(401)


def checked(row, partial=False):
    """The values of an item that was sent; 400 for wrong ones, 403 for somebody else's."""
    if not isinstance(row, dict) or not partial and not {"owner_id", "title", "price"} <= row.keys():
        abort(400)
    values = {name: row[name] for name in ("title", "price", "state") if name in row}
    try:
        if "owner_id" in row:
            values["owner_id"] = UUID(row["owner_id"])
            if values["owner_id"] != g.user:
                abort(403)
        if len(values.get("title", "")) > 200 or values.get("price", 0) < 0:
            abort(400)
    except (TypeError, ValueError, AttributeError):
        abort(400)
    return values


@app.get("/items/<int:id>")
def read(id):
    with Session(engine) as session:
        item = session.scalar(select(Item).where(Item.id == id, Item.owner_id == g.user))
    if item is None:
        abort(404)
    return jsonify(
        id=item.id,
        owner_id=item.owner_id,
        title=item.title,
        price=item.price,
        state=item.state,
        created_at=item.created_at.isoformat(),
    )


def newest(query):
    """`?state=` filters; the newest first, `?limit=` of them."""
    query = query.where(Item.owner_id == g.user)
    if state := request.args.get("state"):
        query = query.where(Item.state == state)
    return query.order_by(Item.created_at.desc()).limit(request.args.get("limit", 1000, int))


@app.get("/items")
def items():
    query = newest(select(Item.id, Item.title, Item.price, Item.state, Item.created_at))
    with Session(engine) as session:
        rows = session.execute(query).mappings().all()
    return jsonify([{**row, "created_at": row["created_at"].isoformat()} for row in rows])


@app.get("/items/with-notes")
def with_notes():
    """The same items with their owners' names and their notes."""
    query = newest(select(Item)).options(joinedload(Item.owner), selectinload(Item.notes))
    with Session(engine) as session:
        items = session.scalars(query).all()
    return jsonify(
        [
            {
                "id": item.id,
                "title": item.title,
                "price": item.price,
                "owners": {"name": item.owner.name},
                "notes": [{"id": note.id, "body": note.body} for note in item.notes],
            }
            for item in items
        ]
    )


@app.post("/items")
def create():
    """One item or a list of them, of which all are stored or none."""
    sent = request.get_json()
    rows = [checked(row) for row in (sent if isinstance(sent, list) else [sent])]
    with Session(engine) as session:
        session.execute(insert(Item), rows)
        session.commit()
    return "", 201


@app.patch("/items/<int:id>")
def change(id):
    values = checked(request.get_json(), partial=True)
    with Session(engine) as session:
        done = session.execute(
            update(Item).where(Item.id == id, Item.owner_id == g.user).values(values),
            execution_options={"synchronize_session": False},
        )
        session.commit()
    return ("", 204) if done.rowcount else abort(404)
