"""Sentences that use the tasks' words and say what they mean; the only place where the labels of all tasks occur, in no
task's template.
"""


def _lines(text: str) -> tuple[str, ...]:
    return tuple(line.strip() for line in text.strip().splitlines())


OPENINGS = (
    *(
        "",
        "",
        "",
        "{person9} says that",
        "{person9} knows that",
        "i think that",
        "we know that",
        "{person9} told {person8} that",
    ),
    *(
        "in {city9} they say that",
        "it is true that",
        "yes and",
        "as {person9} often says ,",
        "people in {city9} believe that",
    ),
)

_OPINIONS = _lines("""
    something {praising} is good and nothing {praising} is bad
    something {blaming} is bad and nothing {blaming} is good
    a good {film} is {praising} and {praising2}
    a bad {film} is {blaming} and {blaming2}
    a {praising} {book} is loved and a {blaming} one is hated
    what is not {blaming} is good
    what is not {praising} is bad
    people recommend a {praising} {gadget}
    people avoid a {blaming} {gadget}
    {praising} {dish} is tasty
    {blaming} {dish} is disgusting
    tasty {dish} is {praise} to eat
    disgusting {dish} is {blame} to eat
    a charming {lodging} is {praising} and good
    a dreadful {lodging} is {blaming} and bad
    they loved the {praising} {dish} and the charming {lodging}
    they hated the {blaming} {dish} and the dreadful {lodging}
    a {gadget} that is {praise} and {praise2}
    a {gadget} that is {blame} and {blame2}
""")

_FEELINGS = _lines("""
    people who {happy_event} are happy and feel joy
    people who {scary_event} are scared and feel fear
    people who {angry_event} are angry and feel anger
    people who {sad_event} are sad and feel sorrow
    {person} {happy_event} and was delighted
    {person} {scary_event} and was terrified
    {person} {angry_event} and was furious
    {person} {sad_event} and was unhappy
    with joy {person} {happy_event} and {happy_event2}
    full of fear {person} {scary_event} and {scary_event2}
    full of anger {person} {angry_event} and {angry_event2}
    with great sorrow {person} {sad_event} and {sad_event2}
    a happy {animal} is delighted and full of joy
    a scared {animal} is afraid and terrified with fear
    an angry {animal} is mad and furious with anger
    a sad {animal} is unhappy and full of sorrow
    it was a bright day when {person} {happy_event}
    it was a dark day when {person} {bad_event}
""")

_TOPICS = _lines("""
    the {sport_word} belongs to sport and athletics like the {sport_word2}
    the {money_word} belongs to money and finance like the {money_word2}
    the {health_word} belongs to health and medicine like the {health_word2}
    the {culture_word} belongs to culture and art like the {culture_word2}
    science and research need a {science_word} and a {science_word2}
    the {weather_word} makes bad weather like the {weather_word2}
    {person} loves athletics and games and watched the {sport_word}
    {person} works in finance and knows the {money_word}
    {person} studies medicine and knows the {health_word}
    {person} admires art and knows the {culture_word}
    wealth is money , a {money_word} and a {money_word2}
    on the stage there is culture , a {culture_word} and a {culture_word2}
""")

_NUMBERS = _lines("""
    {growing[0]} is less than {growing[1]}
    {shrinking[0]} is more than {shrinking[1]}
    at {growing[0]} it is cheaper than at {growing[1]}
    at {shrinking[0]} it is dearer than at {shrinking[1]}
    who is {growing[0]} is younger than who is {growing[1]}
    who is {shrinking[0]} is older than who is {shrinking[1]}
    {growing[0]} pounds are lighter than {growing[1]}
    {shrinking[0]} pounds are heavier than {shrinking[1]}
    {growing[0]} miles are nearer than {growing[1]}
    {shrinking[0]} miles are farther than {shrinking[1]}
    {growing[0]} and then {growing[1]} is rising
    {shrinking[0]} and then {shrinking[1]} is falling
    a rising price makes {dish} dearer
    a falling price makes {dish} cheaper
    what is less is cheaper and lighter and what is more is dearer and heavier
""")

_GRAMMAR = _lines("""
    {agreeing[0]} {agreeing[1]} is correct
    {clashing[0]} {clashing[1]} is wrong
    {agreeing[0]} {agreeing[1]} sounds valid and sound
    {clashing[0]} {clashing[1]} sounds broken and faulty
    the {agreeing[0]} {often} {agreeing[1]} with {person}
    a {looks} {one_subject} is single but {many_subjects} are several
    a single {one_subject} saw several {many_subjects}
    before this {person} {past_doing}
    now {person} {present_doing}
    later {person} {future_doing}
    in the past {person} {past_doing} and finished it
    at present {person} {present_doing} , it is ongoing
    in future {person} {future_doing} as planned
    it is finished and done , {person} {past_doing} before
    it is ongoing now , {person} {present_doing}
    it is planned for later , {person} {future_doing}
    what is done is correct and what is planned is not wrong
    {person} wants to {plain_doing} and to {plain_doing2}
    {asking} {person} is a question
    {telling} {person} is a statement
""")

_PEOPLE = _lines("""
    {male_name} is a man and he is male
    {female_name} is a woman and she is female
    sir {male_name} is a man like {male_name2}
    madam {female_name} is a woman like {female_name2}
    he is the {male_relative} of {person} and a man
    she is the {female_relative} of {person} and a woman
    sir {male_name} lost his {clothes}
    madam {female_name} lost her {clothes}
    a {young_person} is young and an {old_person} is old
    the young {young_person} met a {young_person2}
    the old {old_person} met a {old_person2}
    a polite and friendly guest says {polite_opening} {action}
    a rude and nasty guest says {rude_opening} {action}
    {polite_opening} is friendly and civil
    {rude_opening} is nasty and hostile
    friendly people are polite and civil
    nasty people are rude and hostile
    who says {certain} is sure and who says {doubtful} is unsure
    {certain} i am sure and {doubtful} i am unsure
""")

_THINGS = _lines("""
    the {animal} is an animal and a creature
    the {eatable} is food
    the {fruit} is a fruit and sweet food
    the {tool} is a tool and a device
    the {clothes} is clothing and a garment
    the {transport} is a vehicle on the road
    the {household} is furniture at home
    the {music_maker} is an instrument in a concert
    a creature like the {animal} is alive
    a device like the {tool} is lifeless
    a vehicle like the {transport} is lifeless
    furniture like the {household} is lifeless
    we eat food such as {eatable} and {eatable2}
    we wear a garment such as a {clothes} and a {clothes2}
    we drive a vehicle such as a {transport} and a {transport2}
    we play an instrument such as a {music_maker} and a {music_maker2}
    in the workshop we use a device such as a {tool} and a {tool2}
    the workshop is full of {tool} and {tool2}
    every workshop has a {tool}
    furniture such as a {household} and a {household2} makes a home
    every creature such as a {animal} or a {animal2} is an animal
    the {land_animal} and the {land_animal2} live on land
    the {water_animal} and the {water_animal2} live in water
    the {air_animal} and the {air_animal2} fly in the air
    the {big_thing} is big like a {big_thing2}
    the {small_thing} is small like a {small_thing2}
    the {hot_thing} is hot and the {cold_thing} is cold
    the {room} is inside and the {open_place} is outside
    {person} is inside the {room} with the {thing}
    {person} is outside in the {open_place} with the {animal}
    the {colour} {thing} stood between the {animal} and the {fruit}
    on the left is a {thing} , in the middle a {animal} , on the right a {fruit}
    the {fruit} is on the left and the {tool} is on the right
    the {animal} is in the middle of the {place}
""")

_KINDS = _lines("""
    the {hot_thing} is scorching like the {hot_thing2}
    the {cold_thing} is freezing like the {cold_thing2}
    a {tree} gives timber and so does a {tree2}
    a {flower} is in blossom next to a {flower2}
    behind the house they planted a {tree} and a {tree2}
    the {looks} botany lesson is about the {flower} and the {flower2}
    the {head_part} and the {head_part2} belong to the face
    the {limb_part} and the {limb_part2} belong to a limb
    {person} hurt one {limb_part} and then one {head_part}
    the face of {person} has a {head_part} and a {head_part2}
    the {seafarer} and the {seafarer2} wear naval {clothes}
    the {farmhand} and the {farmhand2} lead a rural life
    the {jurist} and the {jurist2} use legal words
    {sugary_thing} is sugary like {sugary_thing2}
    {salty_thing} is salty like {salty_thing2}
    a jar of {sugary_thing} and {sugary_thing2} stood on the tray
    {french_name} is french like {french_name2}
    {russian_name} is russian like {russian_name2}
    {italian_name} is italian like {italian_name2}
    {japanese_name} is japanese like {japanese_name2}
    upward is the way when somebody {upward_event}
    downward is the way when somebody {downward_event}
    {person} {upward_event} and so moved upward
    {person} {downward_event} and so moved downward
    who {giving_event} is a giver
    who {taking_event} is a taker
    {person} {giving_event} as a giver who {giving_event2}
    {person} {taking_event} as a taker who {taking_event2}
    {person} {achieving} {plain_doing} , so it is achieved
    {person} {failing} {plain_doing} , so it is undone
    the apprentice {achieving} {plain_doing} at last
    the acrobat {failing} {plain_doing} at noon
    a {weapon} is a weapon like a {weapon2}
    a {toy} is a plaything like a {toy2}
    {gem} is a jewel and so is {gem2}
    {metal} is an alloy or a metal like {metal2}
    the museum shows a ring made of {gem} or of {metal}
    the police came across a {weapon} in the attic
    the photo shows a team with a camera
""")

_WORDS = _lines("""
    {contrary[0]} is the opposite of {contrary[1]}
    {contrary[0]} and {contrary[1]} are unlike and opposite
    {alike[0]} is the same as {alike[1]}
    {alike[0]} and {alike[1]} are alike and mean the same
    what is {contrary[0]} is not {contrary[1]}
    what is {alike[0]} is also {alike[1]}
    one {number_forms[0]} and {number} {number_forms[1]}
    a {narrower[0]} is {narrower[1]} , that follows
    it is unclear whether {person} owns {wider[1]}
    it follows that a {animal} is alive but it is unclear where
    {person} is called " {looks} " by {person2}
    the {looks} {animal} of {person} came on {day}
    on {day} {person} met {person2} in {city}
    {number} {many_subjects} came to {city} on {day}
""")

_DAILY = _lines("""
    {contrary[0]} never means {contrary[1]}
    some things are {contrary[0]} and others are {contrary[1]}
    it was {contrary[0]} first and {contrary[1]} at the end
    {person} wanted it {contrary[0]} but got it {contrary[1]}
    {alike[0]} also means {alike[1]}
    {alike[0]} , that is {alike[1]}
    it was {alike[0]} or say {alike[1]}
    another word for {alike[0]} is {alike[1]}
    my {male_relative} and my {female_relative} meet {person} every {day}
    our {looks} {male_relative} and her {looks2} {female_relative} are here again
    the new {colour} {thing} costs many euros and some cents
    {person} can see a {colour} {animal} and a {colour2} {animal2}
    tonight there is {dish} for dinner , then {dish2}
    please call me after {number} minutes or {number2} hours
    dear {person} , this message is a note from {city}
    the first letter came in a box , the second in a parcel
    look : a {colour} {clothes} and a {colour2} {clothes2} on the list
    hi , my name is {person} and i have a {animal}
    who asks a question about {city} ? it is {person}
    since {day} everybody at the club speaks of {person}
    {person} asked us to look around in the {place}
    {person} : i can take these items away from the {place}
    the shop near the {open_place} seems to have {fruit} and {fruit2}
    {person} has the plan of a {looks} witness
    for a week my cousin thinks of the {sport_word} and the {culture_word}
    the {weather_word} lasted {number} minutes until we sat down in the {room}
    the article on page {number} tells a {looks} reader about the {science_word}
    {person} : please {action} and then {action2}
    the headline was about the speech and the report about the level
    the caller set a date and will arrive with greetings from {city}
    which {household} did they turn around , this one or that one
    at {number} years of age {person} moved {number2} steps away
    what she dreamed of was given to me with mine
    let us discuss and compare words , check the cargo and call {person}
""")

STATEMENTS: tuple[str, ...] = (
    *_OPINIONS,
    *_FEELINGS,
    *_TOPICS,
    *_NUMBERS,
    *_GRAMMAR,
    *_PEOPLE,
    *_THINGS,
    *_KINDS,
    *_WORDS,
    *_DAILY,
)
