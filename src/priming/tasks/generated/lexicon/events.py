"""What people do, feel and say."""


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


_HAPPY = _lines("""
    won a prize
    got a present
    passed the exam
    met an old friend
    found a treasure
    heard good news
    danced all night
    sang a merry song
    went on holiday
    hugged the baby
    laughed out loud
    had a birthday party
""")
_SCARED = _lines("""
    saw a ghost
    heard a noise at night
    met a huge spider
    walked alone in the dark
    felt the ground shake
    hid from the wolf
    ran from the fire
    found a snake in bed
    had a bad dream
    trembled on the cliff
    screamed in the cellar
    fled from the monster
""")
_ANGRY = _lines("""
    was insulted by a stranger
    slammed the door
    was cheated by the seller
    shouted at the driver
    got an unfair fine
    broke a plate in rage
    waited hours for nothing
    was robbed of a phone
    argued about the bill
    swore at the neighbour
    was betrayed by a partner
    punched the wall
""")
_SAD = _lines("""
    lost a dear friend
    cried all evening
    went to the funeral
    missed the family
    buried the old dog
    failed the exam
    stayed home all alone
    wept at the grave
    said goodbye forever
    lost the old home
    read the last letter
    mourned the dead king
""")
_ACTIONS = _lines("""
    open the door
    pass the salt
    close the window
    move the car
    bring the coffee
    wash the dishes
    answer the phone
    clean the room
    carry the bag
    read the letter
    turn off the radio
    wait outside
""")
_POLITE = _lines("""
    could you please
    would you kindly
    may i ask you to
    i would be grateful if you could
    if you do not mind please
    would it be possible to
    dear guest please
    i beg your pardon could you
    whenever you have time
    many thanks if you
    with your permission
    might i request that you
    i should be glad if you
    excuse me would you
    it would help me if you
    allow me to ask you to
""")
_RUDE = _lines("""
    you idiot
    hurry up and
    shut up and
    stop whining and
    for the last time
    you lazy fool
    get lost or
    do not be stupid and
    are you deaf or will you
    no excuses just
    you clown
    quit moaning and
    nobody needs you so
    do it at once or else
    i am sick of you so
    get off and
""")

_UPWARD = _lines("""
    climbed the ladder
    went up the stairs
    lifted the heavy crate
    rose to the top
    hoisted the flag
    jumped over the fence
    took off in a plane
    scaled the rock
    raised both arms
    stood up from the seat
    took the lift to the roof
    floated above the trees
""")
_DOWNWARD = _lines("""
    fell off the roof
    dropped the plate
    sank to the bottom
    went down the stairs
    tripped over the rug
    dived into the well
    slid off the sledge
    lowered the anchor
    crouched behind the hedge
    bowed to the crowd
    landed on the grass
    knelt beside the stream
""")
_GAVE = _lines("""
    gave a coin to the beggar
    handed out some leaflets
    donated blood
    lent a pencil to the clerk
    served lunch to the crew
    paid back the debt
    shared the last sandwich
    offered a seat to the nun
    sent a parcel overseas
    fed the stray puppy
""")
_TOOK = _lines("""
    stole a purse
    grabbed the last ticket
    borrowed an umbrella
    snatched the necklace
    collected the rent
    robbed a jeweller
    picked up the change
    kept the lost wallet
    seized the throne
    begged for a coin
""")

EVENTS: dict[str, tuple[str, ...]] = {
    "happy_event": _HAPPY,
    "scary_event": _SCARED,
    "angry_event": _ANGRY,
    "sad_event": _SAD,
    "bad_event": _SCARED + _ANGRY + _SAD,
    "event": _HAPPY + _SCARED + _ANGRY + _SAD,
    "upward_event": _UPWARD,
    "downward_event": _DOWNWARD,
    "giving_event": _GAVE,
    "taking_event": _TOOK,
    "action": _ACTIONS,
    "polite_opening": _POLITE,
    "rude_opening": _RUDE,
}
